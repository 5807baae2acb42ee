/** What all routes share. */
import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';

/** Told of every request that failed for a reason of the director's own. */
export type ReportFailure = (request: string, error: Error) => void;

/** A Hono app that can see its connection. */
export type App = Hono<{ Bindings: HttpBindings }>;
