/** Writes vectors/schedule.json anew: what the guest's ip_vs answers to the recorded scenarios. */
import { findGuest } from '../../src/lab/guest/guest.ts';
import { askGuest } from './ask.ts';
import { recordedScenarios } from './scenarios.ts';
import { vectorsOf, writeVectors } from './vectors.ts';

const guest = findGuest();
if (guest === undefined) throw new Error('there is no guest; run scripts/install-packages.sh --guest first');
const scenarios = recordedScenarios();
const { kernel, choices } = await askGuest(guest, scenarios);
writeVectors(vectorsOf(scenarios, kernel, choices));
console.log(`${scenarios.length} scenarios answered by Linux ${kernel}`);
