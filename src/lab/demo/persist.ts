/** A service becomes persistent for a while: a client's requests all go to one server. */
import { readFile } from 'node:fs/promises';
import { type Cast, runVerb, vip } from './cast.ts';

const count = 12;

/** Turns persistence on, asks as client1, shows the template, and turns it off again. */
export async function showPersistence(cast: Cast): Promise<void> {
  const { stage, lab, weir, client1 } = cast;
  const before = await readFile(weir.configFile, 'utf8');
  const changed = before.replace(/^( +)scheduler: wrr$/m, '$&\n$1persistence: {timeout: 5m}');
  stage.check(changed !== before, 'samples/demo.yaml has no scheduler to put persistence below');
  await weir.writeConfig(changed);
  stage.say(
    'So far each connection went where its turn was. An application that keeps its sessions in one server’s memory wants a client to come back there: persistence, for five minutes.',
  );
  stage.command('weir reload', await runVerb(cast, 'reload'));
  stage.gap();
  const { byServer, failures } = await client1.requests({ url: `http://${vip}/`, count });
  const [[server, answers] = ['nobody', 0], ...others] = Object.entries(byServer);
  stage.check(
    others.length === 0 && answers === count,
    `client1 asked ${count} times and got answers of ${JSON.stringify(byServer)}: ${failures.join('; ')}`,
  );
  stage.say(
    `client1 asks ${count} times, each time over a new connection: ${server} answers all of them. The first of its connections has left a template, which is listed with them:`,
  );
  const table = await runVerb(cast, 'connections', '--client', `${lab.clients[0]!.ipv4}:0`);
  stage.check(table.includes('TEMPLATE'), `there is no template of client1:\n${table}`);
  stage.command(`weir connections --client ${lab.clients[0]!.ipv4}:0`, table);
  stage.gap();
  await weir.writeConfig(before);
  await runVerb(cast, 'reload');
  stage.say('Then persistence goes out of the file again, and turns are taken as before.');
}
