/** ip_vs where Weir's daemon directs by it: it is listed as it is, and what is Weir's is changed by the daemon. */
import type { ControlClient } from '../api/client.ts';
import { formatEndpoint } from '../core/address/address.ts';
import type { ServiceKey } from '../core/model/service.ts';
import type { IpvsChange } from '../dataplane/ipvs/changes.ts';
import { type IpvsServiceId, ipvsServiceText } from '../dataplane/ipvs/codec/values.ts';
import { KernelError } from '../kernel/errors.ts';
import type { DaemonRules } from './daemon-rules.ts';
import { restorePlan } from './replace.ts';
import { type RefusedChange, type Table, TableRefusal } from './table.ts';
import { keyOf } from './to-rule.ts';

/** What there is of the two. */
export interface DirectorParts {
  readonly kernel: Table;
  readonly rules: DaemonRules;
  readonly client: Pick<ControlClient, 'services'>;
  /** The daemon's configuration file. */
  readonly file: string;
}

/**
 * Weir's are the services of its configuration, and every one that is new; those that somebody else has put into ip_vs are
 * changed there.
 */
export function directorTable({ kernel, rules, client, file }: DirectorParts): Table {
  let own: Promise<ReadonlySet<ServiceKey>> | undefined;
  const ownKeys = () => {
    own ??= client.services().then((all) => new Set(all.map(({ key }) => key)));
    return own;
  };
  const isWeirs = async (id: IpvsServiceId): Promise<boolean> => {
    return (await ownKeys()).has(keyOf(id)) || !(await hasService(kernel, id));
  };
  const known = new Map<string, boolean>();
  const goesToWeir = async (change: IpvsChange): Promise<boolean> => {
    const id = 'service' in change ? change.service.id : change.id;
    const name = ipvsServiceText(id);
    const is = known.get(name) ?? (await isWeirs(id));
    known.set(name, is);
    return is;
  };
  const change = async (one: IpvsChange): Promise<void> => {
    if (await goesToWeir(one)) return rules.change(one);
    const [refusal] = (await kernel.changeAll([one])).values();
    if (refusal !== undefined) throw refusal;
  };
  const foreign = async () => {
    const keys = await ownKeys();
    const services = await kernel.listServices();
    return services.filter(({ id }) => !keys.has(keyOf(id)));
  };
  const inKernel = async (changes: readonly IpvsChange[]): Promise<readonly RefusedChange[]> => {
    const refused: RefusedChange[] = [];
    for (let i = 0; i < changes.length; i += AT_ONCE) {
      const some = changes.slice(i, i + AT_ONCE);
      for (const [at, error] of await kernel.changeAll(some)) refused.push({ kind: some[at]!.kind, error });
    }
    return refused;
  };
  return {
    info: () => kernel.info(),
    listServices: () => kernel.listServices(),
    getService: (id) => kernel.getService(id),
    listServers: (id) => kernel.listServers(id),
    connections: () => kernel.connections(),
    zero: (id) => kernel.zero(id),
    getTimeouts: () => kernel.getTimeouts(),
    async setTimeouts(wanted) {
      const present = await kernel.getTimeouts();
      const keys = ['tcp', 'tcp_fin', 'udp'] as const;
      // They are those of the configuration, which the daemon would put back within seconds.
      if (keys.some((key) => wanted[key] !== 0 && wanted[key] !== present[key]))
        throw new TableRefusal(
          `the time-outs of this director stand in ${file}, under timeouts (established, fin_wait, udp): change them there and run \`weir reload\``,
        );
    },
    listDaemons: () => kernel.listDaemons(),
    startDaemon: (daemon) => kernel.startDaemon(daemon),
    stopDaemon: (state) => kernel.stopDaemon(state),
    close: () => kernel.close(),
    addService: (service) => change({ kind: 'add-service', service }),
    setService: (service) => change({ kind: 'edit-service', service }),
    delService: (id) => change({ kind: 'delete-service', id }),
    addServer: (id, server) => change({ kind: 'add-server', id, server }),
    setServer: (id, server) => change({ kind: 'edit-server', id, server }),
    delServer: (id, server) => change({ kind: 'delete-server', id, server }),
    changesAtOnce: Number.POSITIVE_INFINITY,
    async changeAll(changes) {
      const refused = new Map<number, unknown>();
      const [weirs, others]: [number[], number[]] = [[], []];
      for (const [i, one] of changes.entries()) ((await goesToWeir(one)) ? weirs : others).push(i);
      const take = (places: readonly number[], answer: ReadonlyMap<number, unknown>) => {
        for (const [at, error] of answer) refused.set(places[at]!, error);
      };
      take(weirs, await rules.changeAll(weirs.map((i) => changes[i]!)));
      for (let i = 0; i < others.length; i += AT_ONCE) {
        const some = others.slice(i, i + AT_ONCE);
        take(some, await kernel.changeAll(some.map((at) => changes[at]!)));
      }
      return new Map([...refused].sort(([a], [b]) => a - b));
    },
    async flush() {
      const others = await foreign();
      await rules.flush();
      const [refused] = await inKernel(others.map(({ id }) => ({ kind: 'delete-service', id })));
      if (refused !== undefined) throw refused.error;
    },
    async replace(services) {
      const present = await foreign();
      const others = new Map(present.map((service) => [ipvsServiceText(service.id), service]));
      const all = [...services];
      const refused = await rules.replace(new Map(all.filter(([name]) => !others.has(name))));
      if (refused.length > 0) return refused;
      const wanted = new Map(all.filter(([name]) => others.has(name)));
      const steps: IpvsChange[] = [];
      const plan = restorePlan(
        { services: wanted, daemons: [] },
        {
          services: others,
          serversOf: async (id) =>
            new Map((await kernel.listServers(id)).map((server) => [formatEndpoint(server), server])),
          daemons: [],
        },
      );
      for await (const step of plan) steps.push(step as IpvsChange);
      return inKernel(steps);
    },
  };
}

/** As many changes of the kernel at a time. */
const AT_ONCE = 1024;

async function hasService(table: Table, id: IpvsServiceId): Promise<boolean> {
  try {
    await table.getService(id);
    return true;
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ESRCH') return false;
    throw error;
  }
}
