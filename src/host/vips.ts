/** Adds and removes VIPs; an address that was there before Weir is never recorded, and so never removed. */
import { familyOf, networkOf } from '../core/address/address.ts';
import { type Vip, vipKey } from '../core/model/host.ts';
import type { DesiredState } from '../core/plan/states.ts';
import {
  addAddress,
  deleteAddress,
  dumpAddresses,
  type InterfaceAddress,
} from '../kernel/netlink/address.ts';
import { NetlinkError } from '../kernel/netlink/answer.ts';
import { dumpLinks, type Link } from '../kernel/netlink/link.ts';
import { type NetlinkSocket, withNetlink } from '../kernel/netlink/socket.ts';
import { HostError } from './errors.ts';
import { type Originals, recordedVip, withoutVip, withVip } from './originals.ts';
import type { OriginalsFile } from './originals-file.ts';
import { readSysctl } from './sysctl.ts';
import { withSysctlSet } from './sysctls.ts';

/** Where a VIP's interface and address are now. */
interface Place {
  readonly link: Link | undefined;
  readonly address: InterfaceAddress | undefined;
  readonly all: readonly InterfaceAddress[];
}

function placeOf(socket: NetlinkSocket, vip: Vip): Place {
  const link = dumpLinks(socket).find(({ name }) => name === vip.interface);
  const all = dumpAddresses(socket).filter(({ ifindex }) => ifindex === link?.ifindex);
  const address = all.find((one) => one.address === vip.address && one.length === vip.length);
  return { link, address, all };
}

/** The VIPs that the host has, of those desired and those that Weir recorded as its own. */
export function observeVips(desired: DesiredState['vips'], record: Originals): ReadonlyMap<string, Vip> {
  const found = new Map<string, Vip>();
  if (desired.size + record.vips.length === 0) return found;
  const [links, addresses] = withNetlink((socket) => [dumpLinks(socket), dumpAddresses(socket)] as const);
  for (const vip of new Map([
    ...record.vips.map((one) => [vipKey(one), one] as const),
    ...desired,
  ]).values()) {
    const link = links.find(({ name }) => name === vip.interface);
    const address = addresses.find(
      (one) => one.ifindex === link?.ifindex && one.address === vip.address && one.length === vip.length,
    );
    if (address === undefined) continue;
    // An address of others' serves as it is; its label is theirs to choose.
    const foreign = recordedVip(record, vip) === undefined;
    found.set(vipKey(vip), foreign ? vip : withLabelOf(address, vip));
  }
  return found;
}

/** The VIP with the label it has at the host; the interface's own name counts as no label. */
function withLabelOf(address: InterfaceAddress, vip: Vip): Vip {
  const present = address.label === vip.interface ? undefined : address.label;
  const wanted = vip.label === vip.interface ? undefined : vip.label;
  if (present === wanted || familyOf(vip.address) === 6) return vip;
  const { label: _, ...bare } = vip;
  return present === undefined ? bare : { ...bare, label: present };
}

/** Adds a VIP, recorded first; an address that is there already is left alone, and stays whose it was. */
export function addRecordedVip(file: OriginalsFile, vip: Vip): void {
  withNetlink((socket) => {
    const { link, address } = placeOf(socket, vip);
    if (link === undefined)
      throw new HostError(vipKey(vip), `there is no interface ${vip.interface}; ip link`);
    if (address !== undefined) return;
    const before = file.load();
    file.save(withVip(before, vip));
    try {
      addAddress(socket, vip, link.ifindex);
    } catch (error) {
      // Only after a refusal; without an answer the address may have been added.
      if (error instanceof NetlinkError && error.code !== 'ETIMEDOUT') file.save(withoutVip(before, vip));
      throw explained(vip, error);
    }
  });
}

function explained(vip: Vip, error: unknown): unknown {
  if (!(error instanceof NetlinkError)) return error;
  const hints: Readonly<Record<string, string>> = {
    EEXIST: `${vip.interface} has this address already, with another prefix length; ip addr show ${vip.interface}`,
    EPERM: 'run as root',
    EACCES: 'is IPv6 switched off for this interface? sysctl net.ipv6.conf.all.disable_ipv6',
  };
  return new HostError(vipKey(vip), `cannot be added: ${hints[error.code] ?? error.message}`, error);
}

/** Removes a VIP if it is recorded as Weir's; returns whether there was such an address. Taken out of the record last. */
export function removeRecordedVip(file: OriginalsFile, vip: Vip): boolean {
  const recorded = recordedVip(file.load(), vip);
  if (recorded === undefined) return false;
  const removed = withNetlink((socket) => {
    const place = placeOf(socket, recorded);
    if (place.link === undefined || place.address === undefined) return false;
    const { ifindex } = place.link;
    const target = withLabelOf(place.address, recorded);
    const remove = () => deleteAddress(socket, target, ifindex);
    if (takesOthersAlong(place)) withPromotion(file, recorded.interface, remove);
    else remove();
    return true;
  });
  file.save(withoutVip(file.load(), vip));
  return removed;
}

/** True if the kernel would delete further addresses with this one: the secondaries of a subnet go with its primary. */
function takesOthersAlong({ address, all }: Place): boolean {
  if (address === undefined || address.secondary || familyOf(address.address) === 6) return false;
  const subnet = networkOf(address).address;
  return all.some((one) => {
    return one.secondary && one.length === address.length && networkOf(one).address === subnet;
  });
}

/**
 * Runs `remove` while the kernel promotes secondaries in place of deleting them (ip-sysctl.txt, promote_secondaries); it
 * does so if either `all` or the interface says so.
 */
function withPromotion(file: OriginalsFile, name: string, remove: () => void): void {
  const sysctl = (owner: string) => `net.ipv4.conf.${owner.replaceAll('.', '/')}.promote_secondaries`;
  if (readSysctl(sysctl('all')) === '1') remove();
  else withSysctlSet(file, sysctl(name), '1', remove);
}
