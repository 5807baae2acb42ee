/** Every run of the property tests has a seed, printed so that the run can be repeated: WEIR_SEED=n make check. */
import fc from 'fast-check';

const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
fc.configureGlobal({ seed });
console.log(`seed ${seed}`);
