/** What every data plane does: one list of cases, run against each of them. */
import type { Case } from './case.ts';
import { ANSWER_CASES } from './cases/answers.ts';
import { CONNECTION_CASES } from './cases/connections.ts';
import { FORWARDING_CASES } from './cases/forwarding.ts';
import { FRAGMENT_CASES } from './cases/fragments.ts';
import { GROUP_CASES } from './cases/groups.ts';
import { ICMP_CASES } from './cases/icmp.ts';
import { ON_DOWN_CASES } from './cases/on-down.ts';
import { ONE_PACKET_CASES } from './cases/one-packet.ts';
import { PERSISTENCE_CASES } from './cases/persistence.ts';
import { RETIREMENT_CASES } from './cases/retirement.ts';
import { ROOM_CASES } from './cases/room.ts';
import { SERVICE_CASES } from './cases/services.ts';
import { SORRY_CASES } from './cases/sorry.ts';
import { STACK_CASES } from './cases/stack.ts';
import { THRESHOLD_CASES } from './cases/thresholds.ts';

/** Every case; their names are unique. */
export const CONTRACT: readonly Case[] = [
  ...FORWARDING_CASES,
  ...ICMP_CASES,
  ...FRAGMENT_CASES,
  ...ANSWER_CASES,
  ...CONNECTION_CASES,
  ...ROOM_CASES,
  ...SERVICE_CASES,
  ...PERSISTENCE_CASES,
  ...SORRY_CASES,
  ...THRESHOLD_CASES,
  ...ON_DOWN_CASES,
  ...GROUP_CASES,
  ...ONE_PACKET_CASES,
  ...RETIREMENT_CASES,
  ...STACK_CASES,
];
