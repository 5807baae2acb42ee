/** Which Weir this is. */
import manifest from '../../package.json' with { type: 'json' };

/** The version in package.json, such as `0.1.0`. */
export const VERSION: string = manifest.version;
