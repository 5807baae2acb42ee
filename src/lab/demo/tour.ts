/** The demo from beginning to end: each part says what it is about, does it, and checks that it came true. */
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { labClient } from '../client-api.ts';
import type { Lab } from '../lab.ts';
import type { LabProcess } from '../process.ts';
import { startRealServers } from '../real-servers.ts';
import { labWeir } from '../weir.ts';
import { type Cast, runVerb, vip } from './cast.ts';
import { showDeath } from './death.ts';
import { logOf, planeOf } from './events.ts';
import { keepUp } from './keep.ts';
import { showKill } from './kill.ts';
import { showPacket } from './packet.ts';
import { showPersistence } from './persist.ts';
import { drawLayout } from './picture.ts';
import { showReload } from './reload.ts';
import { differences, takeSnapshot } from './snapshot.ts';
import { showSpread } from './spread.ts';
import type { Stage } from './stage.ts';

/** Connections that client2 keeps open. */
const kept = 6;

/** Shows the network, and starts the real servers in it. */
async function introduce(stage: Stage, lab: Lab): Promise<LabProcess[]> {
  stage.part('A network to play in');
  stage.say(
    'Six small machines, all inside this computer: they are network namespaces of the Linux kernel, each with interfaces and addresses of its own. Nothing outside them is touched.',
  );
  stage.gap();
  stage.show(drawLayout(lab, vip));
  stage.gap();
  stage.say(
    `The clients know one address, ${vip}: the virtual IP (VIP). The web servers that do the work, the real servers, are in a private network that the clients cannot reach. In between is the director. It holds the VIP and gives each new connection to one of the real servers, whose answers leave through the director again.`,
  );
  const servers = await startRealServers(lab);
  const route = await lab.exec(lab.clients[0]!, ['ip', 'route', 'get', lab.servers[0]!.ipv4]);
  stage.check(route.code !== 0, `client1 has a way to ${lab.servers[0]!.ipv4} that it should not have`);
  return servers;
}

async function start(stage: Stage, lab: Lab, servers: LabProcess[], sample: string): Promise<Cast> {
  stage.part('weir run');
  const weir = labWeir(lab);
  const text = await readFile(sample, 'utf8');
  await weir.writeConfig(text);
  stage.say(`All that the director has to know is in one file (${relative(process.cwd(), sample)}):`);
  stage.gap();
  const body = text.replace(/^(#.*\n)+\n*/, '');
  stage.show(stage.style.dim(body));
  const daemon = await weir.start();
  const [client1, client2] = lab.clients;
  const cast = {
    stage,
    lab,
    weir,
    servers,
    daemon,
    client1: labClient(lab, client1!),
    client2: labClient(lab, client2!),
  };
  stage.gap();
  stage.say(
    '"weir run" compares that with what is there and makes the difference. In its own words (+ is new, ~ is changed):',
  );
  stage.gap();
  const paint = (line: string): string =>
    line.startsWith('+') ? stage.style.green(line) : stage.style.yellow(line);
  stage.show(
    logOf(daemon)
      .flatMap(({ change }) => change ?? [])
      .map(paint)
      .join('\n'),
  );
  stage.gap();
  stage.say(
    'sysctl: the kernel may forward packets now. masquerade: the servers may open connections to the outside themselves. service: what is balanced onto whom. program: this does the balancing, inside the kernel, and sees each packet of its interface first. vip: the address that clients use.',
    `Of its tables weir says: "${planeOf(daemon)}".`,
  );
  return cast;
}

async function showTables(cast: Cast): Promise<void> {
  const { stage, lab } = cast;
  stage.part('What the director knows');
  stage.say(
    `client2 (${lab.clients[1]!.ipv4}) now holds ${kept} connections open and keeps asking over them.`,
  );
  stage.command('weir services', await runVerb(cast, 'services'));
  stage.gap();
  stage.say(
    'WEIGHT is the share in the file, ACTIVE counts open connections, INACT those that have ended and are remembered for a while, SHARE is the part of both.',
  );
  const words = ['connections', '--client', lab.clients[1]!.ipv4];
  const table = await runVerb(cast, ...words);
  const open = table.split('\n').filter((line) => line.includes('ESTABLISHED')).length;
  stage.check(open === kept, `client2 holds ${kept} connections, but the table has ${open}:\n${table}`);
  stage.command(`weir ${words.join(' ')}`, table);
  stage.gap();
  stage.say(
    'One line a connection. SOURCE and VIRTUAL are the two ends as the client sees them, DESTINATION is the server that was chosen, EXPIRE the time after which the line goes if no packet comes.',
  );
}

async function end(cast: Cast, before: Awaited<ReturnType<typeof takeSnapshot>>): Promise<void> {
  const { stage, lab, daemon } = cast;
  stage.part('weir down');
  stage.say(
    'Ending weir run leaves the traffic running, as part 8 showed. "weir down" ends that too, and puts the director back as it was:',
  );
  stage.command('weir down', await runVerb(cast, 'down'));
  stage.gap();
  const { code } = await daemon.ended;
  stage.check(code === 0, `weir run ended with ${code}: ${daemon.output()}`);
  const after = await takeSnapshot(lab);
  const left = differences(before, after);
  stage.check(left.length === 0, `the director is not as it was:\n${left.join('\n')}`);
  const counts = Object.entries(after).map(([kind, lines]) => `${lines.length} ${kind}`);
  stage.say(`Compared with the moment before weir run: ${counts.join(', ')}. All as it was.`);
}

/** Runs the demo in a lab of two clients and three servers; throws a DemoFailure where something is not as it says. */
export async function tour(
  stage: Stage,
  lab: Lab,
  options: { sample: string; keep: boolean },
): Promise<void> {
  const servers = await introduce(stage, lab);
  const before = await takeSnapshot(lab);
  const cast = await start(stage, lab, servers, options.sample);

  stage.part('Who answers?');
  stage.say(
    `client1 sends 120 requests to http://${vip}/, each over a new connection. The servers' weights are 3, 2 and 1: of six connections the first should get three.`,
  );
  stage.gap();
  await showSpread(cast, cast.client1, [3, 2, 1]);

  const background = await cast.client2.startRequests({
    url: `http://${vip}/`,
    keepAlive: true,
    concurrency: kept,
    perSecond: 60,
  });
  await background.reached(2 * kept);
  await showTables(cast);

  stage.part('The way of one packet');
  stage.say(
    'client1 sends one more request. Its packet and the reply were captured at every place they passed; nothing but the rewriting by the director changed them.',
  );
  stage.gap();
  await showPacket(cast);
  stage.gap();
  stage.say(
    'On the way in the director rewrites the destination, on the way back the source. The server sees the real client, the client sees only the VIP, and TTL falls by one, as at any router.',
  );

  stage.part('A weight changes');
  await showReload(cast);

  stage.part('A client that stays');
  await showPersistence(cast);

  stage.part('The daemon dies');
  stage.say(
    `client1 downloads 8 MB at 2 MB a second. In the middle of it weir run is killed, as hard as it goes.`,
  );
  stage.gap();
  await showKill(cast);
  const { completed, failed, failures } = await background.stop();
  stage.check(failed === 0, `${failed} of client2's requests failed: ${failures.join('; ')}`);
  stage.gap();
  stage.say(
    `client2 asked all the time since part 4, over its ${kept} connections: ${completed} requests, none failed.`,
  );

  stage.part('A server dies');
  await showDeath(cast);

  if (options.keep) {
    stage.part('Your turn');
    await keepUp(cast);
  } else await end(cast, before);
}
