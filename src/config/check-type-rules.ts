/** Rules between the type of a health check and its keys. */
import type { CheckType } from '../core/model/check.ts';
import { KEY_TYPES, NEEDED_KEYS } from './check-keys.ts';
import type { DraftCheck } from './draft-checks.ts';
import type { Finding } from './problems.ts';

/** What is wrong with the keys of a check of its type. */
export const checkType = (check: DraftCheck): readonly Finding[] => [
  ...checkTypeKeys(check),
  ...checkNeededKey(check),
  ...checkBody(check),
  ...checkTls(check),
  ...checkSteps(check),
];

/** `https, steps and smtp` */
const listed = (words: readonly string[], last: string): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;

function checkTypeKeys({ path, type, typeKeys }: DraftCheck): readonly Finding[] {
  if (type === undefined) return [];
  return typeKeys.flatMap((key): readonly Finding[] => {
    const types: readonly CheckType[] = KEY_TYPES[key];
    if (types.includes(type)) return [];
    return [
      {
        path: [...path, key],
        message: `a key of ${listed(types, 'and')} checks, and this one is ${type}`,
        expected: `type: ${listed(types, 'or')}, or no such key`,
        part: 'key',
      },
    ];
  });
}

function checkBody({ path, type, method, bodyKeys }: DraftCheck): readonly Finding[] {
  const findings: Finding[] = [];
  if ((type !== 'http' && type !== 'https') || bodyKeys === undefined) return findings;
  const body = [...path, 'body'];
  if (bodyKeys.length === 0)
    findings.push({
      path: body,
      message: 'nothing is expected',
      expected: 'contains, regex or digest',
      part: 'key',
    });
  if (method === 'HEAD')
    findings.push({
      path: body,
      message: 'an answer to HEAD has no body',
      expected: 'method: GET',
      part: 'key',
    });
  return findings;
}

function checkTls({ path, tlsKeys }: DraftCheck): readonly Finding[] {
  const [alone, ...both] = tlsKeys;
  if (alone === undefined || both.length > 0) return [];
  return [
    {
      path: [...path, 'tls', alone],
      message: 'a certificate and its key go together',
      expected: `${alone === 'cert' ? 'key' : 'cert'} beside it`,
      part: 'key',
    },
  ];
}

function checkNeededKey({ path, type, typeKeys }: DraftCheck): readonly Finding[] {
  const key = type && NEEDED_KEYS[type];
  if (key === undefined || typeKeys.includes(key)) return [];
  return [{ path: [...path, key], message: 'missing', expected: `the key ${key}`, part: 'missing' }];
}

function checkSteps({ path, stepKeys }: DraftCheck): readonly Finding[] {
  if (stepKeys === undefined || stepKeys.length === 0) return [];
  const steps = [...path, 'steps'];
  const idle = stepKeys.flatMap((keys, at): readonly Finding[] =>
    keys.length > 0
      ? []
      : [{ path: [...steps, at], message: 'this step does nothing', expected: 'send, expect or regex' }],
  );
  if (idle.length > 0 || stepKeys.some((keys) => keys.includes('expect') || keys.includes('regex')))
    return idle;
  return [
    {
      path: steps,
      message: 'no answer is expected',
      expected: 'expect or regex in one step at least',
      part: 'key',
    },
  ];
}
