/** What goes wrong with TLS, in words: OpenSSL's codes as Node.js passes them on. */

/** x509_verify_cert_error_string(3) and node:tls, each said of "its certificate". */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_REVOKED: 'was revoked',
  CERT_UNTRUSTED: 'is not to be trusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by itself, and not among those to be trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'is of an authority that is not to be trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'is of an authority that is not known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is of an authority that is not known',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is of an authority that is not known',
  CERT_SIGNATURE_FAILURE: 'has a wrong signature',
  INVALID_PURPOSE: 'is not for servers',
};

/** The reason of a failure in TLS; undefined if it is none. Texts of the certificate itself are not repeated. */
export function tlsReason({ message }: Error, code: string): string | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `its certificate is not for ${wantedName(message)}`;
  const certificate = CERTIFICATE[code];
  if (certificate !== undefined) return `its certificate ${certificate}`;
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO')
    return code.includes('_ALERT_') ? `the server refused TLS: ${alertOf(code)}` : 'the answer is not TLS';
  return undefined;
}

/** `ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED` → `certificate required` */
const alertOf = (code: string) =>
  code
    .replace(/^.*ALERT_/, '')
    .replaceAll('_', ' ')
    .toLowerCase();

/** The name that was looked for, which Node.js says in two ways: "Host: a. is not in …", "IP: ::1 is not in …". */
const wantedName = (message: string) =>
  /(?:Host|IP): (\S+?)\.? (?:is not|does not)/.exec(message)?.[1] ?? 'this name';
