/**
 * What servers say to the steps of samples/check-types.yaml, byte for byte. Recorded from those of Debian 12, started with an empty
 * database, where it says so; else written by the document that is named.
 */

/** One server in one state. */
export interface Recording {
  /** What it is, and in which state. */
  readonly server: string;
  readonly from: string;
  /** Of the sample's service. */
  readonly port: number;
  readonly isWell: boolean;
  /** Said before it is asked. */
  readonly greeting?: string;
  /** By what is said to it. */
  readonly answers?: Readonly<Record<string, string>>;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex').toString('latin1');

const SSL_REQUEST = hex('00000008 04d2162f');
const ANONYMOUS_BIND = hex('300c 020101 6007 020103 0400 8000');
const PING = 'PING\r\n';
const LOGOUT = 'a LOGOUT\r\n';

export const RECORDINGS: readonly Recording[] = [
  {
    server: 'redis',
    from: 'recorded from redis 7.0.15',
    ...{ port: 6379, isWell: true, answers: { [PING]: '+PONG\r\n' } },
  },
  {
    server: 'redis that wants a password',
    from: 'recorded from redis 7.0.15',
    ...{ port: 6379, isWell: false, answers: { [PING]: '-NOAUTH Authentication required.\r\n' } },
  },
  {
    server: 'mariadb',
    from: 'recorded from mariadb 10.11.19',
    ...{ port: 3306, isWell: true },
    greeting: hex(
      '640000 00 0a 352e352e352d31302e31312e31392d4d6172696144422d302b6465623132753100' +
        '03000000 5f5e3c51606f2f38 00 fef7 08 0200 ff81 15 000000000000 1d000000' +
        '6b33594a4456626a70726a40 00 6d7973716c5f6e61746976655f70617373776f7264 00',
    ),
  },
  {
    server: 'mysql',
    from: "written by MySQL's Protocol::HandshakeV10",
    ...{ port: 3306, isWell: true },
    greeting:
      hex('4a0000 00 0a') +
      '8.0.36\0' +
      hex('0b000000 3478253e4b7a1b0e 00 ffff ff 0200 ffdf 15 00000000000000000000') +
      hex('010c1f2e3d4c5b6a79081726 00') +
      'caching_sha2_password\0',
  },
  {
    server: 'mariadb with too many connections',
    from: 'recorded from mariadb 10.11.19',
    ...{ port: 3306, isWell: false, greeting: `${hex('170000 00 ff 1004')}Too many connections` },
  },
  {
    server: 'mysql that lets nobody in',
    from: "written by MySQL's ERR_Packet",
    ...{ port: 3306, isWell: false },
    greeting: `${hex('450000 00 ff 6a04')}Host '192.168.1.2' is not allowed to connect to this MySQL server`,
  },
  {
    server: 'postgres with TLS',
    from: 'recorded from postgres 15',
    ...{ port: 5432, isWell: true, answers: { [SSL_REQUEST]: 'S' } },
  },
  {
    server: 'postgres without TLS',
    from: 'recorded from postgres 15',
    ...{ port: 5432, isWell: true, answers: { [SSL_REQUEST]: 'N' } },
  },
  {
    server: 'postgres that can start no process',
    from: 'recorded from postgres 15',
    ...{ port: 5432, isWell: false },
    greeting: 'Ecould not fork new process for connection: Resource temporarily unavailable\n\0',
  },
  {
    server: 'dovecot',
    from: 'recorded from dovecot 2.3.19.1',
    ...{ port: 993, isWell: true },
    greeting:
      '* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN] Dovecot (Debian) ready.\r\n',
    answers: { [LOGOUT]: '* BYE Logging out\r\na OK Logout completed.\r\n' },
  },
  {
    server: 'dovecot that cannot log anybody in',
    from: 'recorded from dovecot 2.3.19.1',
    ...{ port: 993, isWell: false, greeting: '* BYE Auth process broken\r\n' },
  },
  {
    server: 'an IMAP server that is shutting down',
    from: 'written by RFC 3501, 7.1.5',
    ...{ port: 993, isWell: false, greeting: '* OK IMAP4rev1 ready\r\n' },
    answers: { [LOGOUT]: '* BYE System shutdown in progress\r\n' },
  },
  {
    server: 'slapd',
    from: 'recorded from slapd 2.5.13',
    ...{ port: 389, isWell: true },
    answers: { [ANONYMOUS_BIND]: hex('300c 020101 6107 0a0100 0400 0400') },
  },
  {
    server: 'a directory that writes lengths in five bytes',
    from: 'written by RFC 4511, 4.2.2, and X.690, 8.1.3.5',
    ...{ port: 389, isWell: true },
    answers: { [ANONYMOUS_BIND]: hex('308400000010 020101 618400000007 0a0100 0400 0400') },
  },
  {
    server: 'slapd that refuses anonymous binds',
    from: 'recorded from slapd 2.5.13',
    ...{ port: 389, isWell: false },
    answers: {
      [ANONYMOUS_BIND]: `${hex('3025 020101 6120 0a0130 0400 0419')}anonymous bind disallowed`,
    },
  },
  {
    server: 'a directory that is busy',
    from: 'written by RFC 4511, 4.1.9 (busy, 51)',
    ...{ port: 389, isWell: false },
    answers: { [ANONYMOUS_BIND]: hex('300c 020101 6107 0a0133 0400 0400') },
  },
];
