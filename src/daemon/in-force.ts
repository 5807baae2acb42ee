/** The configuration in force, and how its text stands to that of the file. */
import type { ConfigInForce } from '../api/control.ts';
import type { Config } from '../core/model/config.ts';
import type { ReadConfig } from './read-config.ts';

/** What was read last and had no mistakes. */
export class InForce {
  #read: ReadConfig;
  #config: Config;
  /** The version of the text that the file had when it was last read or written. */
  #fileVersion: string;

  /** Begins with what the file said when the daemon started, and what that is with overrides over it. */
  constructor(read: ReadConfig, config: Config) {
    this.#read = read;
    this.#config = config;
    this.#fileVersion = read.version;
    this.file = read.file;
  }

  /** The path of the configuration file. */
  readonly file: string;

  /** With the operators' overrides over it. */
  get config(): Config {
    return this.#config;
  }

  /** The text by itself. */
  get read(): ReadConfig {
    return this.#read;
  }

  get fileVersion(): string {
    return this.#fileVersion;
  }

  /** For whoever asks. */
  get text(): ConfigInForce {
    const { text, version } = this.#read;
    return { text, file: this.file, version, persisted: version === this.#fileVersion };
  }

  /** The file has this version, whether it is in force or not. */
  fileHas({ version }: Pick<ReadConfig, 'version'>): void {
    this.#fileVersion = version;
  }

  /** This is in force from now on. */
  take(read: ReadConfig, config: Config): void {
    this.#read = read;
    this.#config = config;
  }
}
