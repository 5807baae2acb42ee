/** The shape of a health check's TLS in a configuration file. */
import { z } from 'zod';
import { DEFAULT_CERTIFICATE_DAYS, MAX_CERTIFICATE_DAYS } from '../core/model/check-protocols.ts';
import { numberField, type Read, textField } from './fields.ts';

/** A path by which the daemon finds a file, wherever it was started. */
const fileField = textField(
  { noun: 'a path of a file', expected: 'a path that begins with "/", such as /etc/weir/ca.pem' },
  (text): Read<string> => (/^\/[^\p{Cc}]{1,4094}$/u.test(text) ? { value: text } : {}),
);

const nameField = textField(
  { noun: 'a name of a server', expected: 'a name such as www.example.com, and no address' },
  // RFC 6066, 3: a name for SNI is no address.
  (text): Read<string> =>
    /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$/.test(text) && /[A-Za-z][^.]*$/.test(text) ? { value: text } : {},
);

/** TLS of a check. */
export const tlsField = z.strictObject({
  server_name: nameField
    .optional()
    .describe(
      'The name to ask for (SNI) and to find in the certificate. Default: the one in host; without one the certificate has to be for the address.',
    ),
  ca: fileField
    .optional()
    .describe('A PEM file of the authorities to trust. Default: the public ones that Node.js knows.'),
  cert: fileField
    .optional()
    .describe("A PEM file: the director's own certificate, for servers that want one."),
  key: fileField.optional().describe('A PEM file: its key.'),
  verify: z
    .boolean()
    .meta({ noun: 'a yes or no', expected: 'true or false' })
    .default(true)
    .describe('Whether the certificate has to be valid, of a trusted authority, and for the name.'),
  certificate_days: numberField('a number of days', 0, MAX_CERTIFICATE_DAYS)
    .default(DEFAULT_CERTIFICATE_DAYS)
    .describe('This many days before the certificate expires the check warns; 0 for never.'),
});

/** TLS as the schema gives it. */
export type ParsedTls = z.output<typeof tlsField>;
