/** Who runs the program: shown with what is changed. */
import { userInfo } from 'node:os';

/** Of a user, in characters. */
const LONGEST_NAME = 64;

/** The user, whoever sudo was called by; by number where there is no name. */
export function caller({ SUDO_USER: user }: Readonly<Record<string, string | undefined>>): string {
  if (user !== undefined && user !== '') return user.slice(0, LONGEST_NAME);
  try {
    return userInfo().username.slice(0, LONGEST_NAME);
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}
