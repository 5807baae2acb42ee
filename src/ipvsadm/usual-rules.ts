/** Where files of rules lie. */
import { existsSync } from 'node:fs';

/** Where Debian and Red Hat keep the rules that are loaded at boot. */
export const USUAL_RULES = ['/etc/ipvsadm.rules', '/etc/sysconfig/ipvsadm'] as const;

/** The first of these that is there. */
export const usualRules = (): string | undefined => USUAL_RULES.find((path) => existsSync(path));
