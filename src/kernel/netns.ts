/** Which network stack this process looks at. */

import { libc } from './libc.ts';
import { LITTLE_ENDIAN, viewOf } from './netlink/bytes.ts';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SOL_SOCKET = 1;
/** Linux 5.14 (asm-generic/socket.h). */
const SO_NETNS_COOKIE = 71;

/** The cookie of this process's network namespace in decimal: unlike an inode number it is never given out twice in one boot. */
export function networkNamespaceCookie(): string {
  const c = libc();
  const fd = c.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  try {
    const cookie = new Uint8Array(8);
    c.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie);
    return viewOf(cookie).getBigUint64(0, LITTLE_ENDIAN).toString();
  } finally {
    c.close(fd);
  }
}
