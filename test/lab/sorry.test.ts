/** No server left: real clients get the sorry server, a reset, or nothing; docs/guide/no-server.md does what it says. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labClient } from '../../src/lab/client-api.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, directorLab, draft, serversOn, serversOn6 } from './director-lab.ts';

let director: DirectorLab;
beforeAll(async () => {
  director = await directorLab();
});
afterAll(() => director?.close());

const client = () => labClient(director.lab, director.lab.clients[0]!);
const names = () => director.lab.servers.map(({ name }) => name);

/** Three servers of the lab: two that serve, by their weights, and the third for when they do not. */
const config = (weights: readonly number[], more: object = {}) => {
  const [one, two, sorry] = director.lab.servers;
  const own = { sorry_server: { address: sorry!.ipv4 }, ...more };
  const servers6 = serversOn6([one!, two!], 80).map((server, i) => ({ ...server, weight: weights[i]! }));
  return draft([
    {
      protocol: 'tcp',
      address: labVip.ipv4,
      port: 80,
      scheduler: 'rr',
      servers: serversOn([one!, two!], 80, weights),
      ...own,
    },
    {
      protocol: 'tcp',
      address: labVip.ipv6,
      port: 80,
      scheduler: 'rr',
      servers: servers6,
      ...('no_server' in more ? more : { sorry_server: { address: sorry!.ipv6, port: 80 } }),
    },
  ]);
};
const urls = [`http://${labVip.ipv4}/`, `http://[${labVip.ipv6}]/`];

describe('a service with a sorry server', () => {
  it('goes to its servers while there are any', async () => {
    await director.write(config([1, 1]));
    await director.start();
    for (const url of urls) {
      const { sequence, failures } = await client().requests({ url, count: 6 });
      expect(failures).toEqual([]);
      expect(new Set(sequence)).toEqual(new Set(names().slice(0, 2)));
    }
  });

  it('goes to the sorry server when they are drained, and back', async () => {
    const held = await client().hold({ address: labVip.ipv4, port: 80, count: 1 });
    await director.reload(config([0, 0]));
    for (const url of urls) {
      const { sequence, failures } = await client().requests({ url, count: 4 });
      expect(failures).toEqual([]);
      expect(new Set(sequence)).toEqual(new Set([names()[2]]));
    }
    const { servers } = await director.service(`tcp ${labVip.ipv4}:80`);
    expect(servers.at(-1)).toMatchObject({ address: director.lab.servers[2]!.ipv4, sorry: true, conns: 4 });
    expect(await director.weir.run(['services'])).toMatch(/:80 +sorry /);
    await director.reload(config([1, 0]));
    for (const url of urls) {
      const { sequence } = await client().requests({ url, count: 4 });
      expect(new Set(sequence)).toEqual(new Set([names()[0]]));
    }
    await held.close();
  });

  it('without one refuses at once', async () => {
    await director.reload(config([0, 0], { sorry_server: undefined, no_server: 'reject' }));
    for (const url of urls) {
      const { failures } = await client().requests({ url, count: 1 });
      expect(JSON.stringify(failures)).toMatch(/ECONNREFUSED/);
    }
  });

  it('says nothing when told so', async () => {
    await director.reload(config([0, 0], { sorry_server: undefined, no_server: 'drop' }));
    const before = await director.verdicts();
    const held = await client().hold({ address: labVip.ipv4, port: 80, count: 1 });
    expect(held.failed).toBe(1);
    await held.close();
    const after = await director.verdicts();
    expect(after['no_server']).toBeGreaterThan(before['no_server']!);
    expect(after['answered']).toBe(before['answered']);
  });
});

it('afterwards nothing is left in the tables, and nothing in the log', async () => {
  await director.drain();
  expect(director.errors()).toEqual([]);
});

describe('docs/guide/no-server.md', () => {
  const guide = readFileSync('docs/guide/no-server.md', 'utf8');

  it('has a configuration that does what it says', async () => {
    await director.weir.writeConfig(/```yaml\n([\s\S]*?)```/.exec(guide)![1]!);
    await director.weir.run(['reload']);
    const { sequence } = await client().requests({ url: urls[0]!, count: 3 });
    expect(new Set(sequence)).toEqual(new Set([names()[2]]));
  });

  it.each([...guide.matchAll(/^ {4}\$ weir (.+)$/gm)].map(([, words]) => words!))(
    'weir %s',
    async (words) => {
      expect(await director.weir.run(words.split(' '))).toMatch(/sorry|no_server/);
    },
  );

  it('leaves nothing in the log', () => expect(director.errors()).toEqual([]));
});
