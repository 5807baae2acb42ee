/** How packets are put into a tunnel to a server: ip_vs's alone, which sends them as they are inside others. */

/** What carries them, by ipvsadm's names: IP in IP, Generic UDP Encapsulation, Generic Routing Encapsulation. */
export const TUNNEL_TYPES = ['ipip', 'gue', 'gre'] as const;
export type TunnelType = (typeof TUNNEL_TYPES)[number];

/** Checksums of what carries them: ipvsadm's --tun-nocsum, --tun-csum, --tun-remcsum. */
export const TUNNEL_CHECKSUMS = ['none', 'full', 'remote'] as const;
export type TunnelChecksum = (typeof TUNNEL_CHECKSUMS)[number];

/** A tunnel that is not plain IP in IP. */
export interface Tunnel {
  readonly type: TunnelType;
  /** Of gue, 1 – 65535: where the server listens for it. */
  readonly port?: number;
  /** Absent: none. */
  readonly checksum?: Exclude<TunnelChecksum, 'none'>;
}

/** Which checksums a type of tunnel can have (ip_vs_xmit.c; only GUE has remote ones). */
export const CHECKSUMS_OF: Readonly<Record<TunnelType, readonly TunnelChecksum[]>> = {
  ipip: ['none'],
  gue: ['none', 'full', 'remote'],
  gre: ['none', 'full'],
};

/** For people: `ipip`, `gue port 6080, checksum full`. */
export function tunnelText(tunnel: Tunnel | undefined): string {
  if (tunnel === undefined) return 'ipip';
  const { type, port, checksum } = tunnel;
  return `${type}${port === undefined ? '' : ` port ${port}`}${checksum === undefined ? '' : `, checksum ${checksum}`}`;
}

/** Whether packets go by the same tunnel. */
export function equalTunnel(a: Tunnel | undefined, b: Tunnel | undefined): boolean {
  return a === b || tunnelText(a) === tunnelText(b);
}
