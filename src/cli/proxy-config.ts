import { readFileSync } from 'node:fs';

import { describeValue } from '../describe-value.ts';
import type { CachingRule } from '../proxy/caching-rules.ts';
import type { ToolTargets } from '../proxy/tool-changes.ts';
import { PROXY_NUMBERS, type ProxyNumberName } from './proxy-numbers.ts';
import { UsageError } from './usage-error.ts';

/** What the config file of `granary proxy` may hold; `proxy.schema.json` says the same. */
export interface ProxyConfig extends Readonly<Partial<Record<ProxyNumberName, number>>> {
  readonly command?: readonly string[];
  readonly url?: string;
  readonly http?: string;
  readonly host?: string;
  readonly allowedHosts?: readonly string[];
  readonly allowedOrigins?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly forwardAuthorization?: boolean;
  readonly forwardHeaders?: readonly string[];
  readonly rules?: readonly CachingRule[];
  readonly cachedTools?: readonly string[];
  readonly mutates?: ToolTargets;
  readonly log?: string;
  readonly inspect?: boolean;
}

type Check = (value: unknown) => boolean;
type Checks = Readonly<Record<string, readonly [allowed: string, check: Check]>>;

const isText: Check = (value) => typeof value === 'string' && value !== '';
const isFlag: Check = (value) => typeof value === 'boolean';
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isSomeTexts: Check = (value) => isTexts(value) && (value as string[]).length > 0;
const STRINGS = 'an array of non-empty strings';
const STRING = 'a non-empty string';
const BOOLEAN = 'true or false';

function within(min: number, max: number): Check {
  return (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
}

const NUMBERS: Checks = Object.fromEntries(
  Object.entries(PROXY_NUMBERS).map(([name, { min, max, unit }]) => [
    name,
    [`an integer from ${min} to ${max} (${unit})`, within(min, max)],
  ]),
);

const { min: minTtlMs, max: maxTtlMs } = PROXY_NUMBERS.ttlMs;

const RULE: Checks = {
  uris: ['a URI template, an exact URI or a prefix with a trailing *', isText],
  cache: [BOOLEAN, isFlag],
  public: [BOOLEAN, isFlag],
  ttlMs: [`an integer from ${minTtlMs} to ${maxTtlMs} (ms)`, within(minTtlMs, maxTtlMs)],
};

const CONFIG: Checks = {
  $schema: [STRING, isText],
  command: [`${STRINGS}, at least one`, isSomeTexts],
  url: ['an http or https URL', isHttpUrl],
  http: ['[HOST:]PORT as a string', isText],
  host: [STRING, isText],
  allowedHosts: [STRINGS, isTexts],
  allowedOrigins: [STRINGS, isTexts],
  headers: [
    'an object of strings',
    (value) => isRecord(value) && Object.values(value).every((one) => typeof one === 'string'),
  ],
  forwardAuthorization: [BOOLEAN, isFlag],
  forwardHeaders: [STRINGS, isTexts],
  rules: ['an array of objects', (value) => Array.isArray(value) && value.every(isRecord)],
  cachedTools: [STRINGS, isTexts],
  mutates: [
    `an object of arrays, each ${STRINGS}, at least one`,
    (value) => isRecord(value) && Object.values(value).every(isSomeTexts),
  ],
  log: ['"text" or "json"', (value) => value === 'text' || value === 'json'],
  inspect: [BOOLEAN, isFlag],
  ...NUMBERS,
};

/** @throws UsageError naming the file, or the key, its value and what is allowed */
export function readProxyConfig(file: string): ProxyConfig {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `--config must be a JSON file that can be read, ${file}: ${code ?? message}`,
    );
  }
  if (!isRecord(value)) {
    throw new UsageError(`--config must hold an object, ${file} holds ${describeValue(value)}`);
  }
  check(file, '', value, CONFIG);
  const { rules = [] } = value as ProxyConfig;
  for (const [index, rule] of rules.entries()) {
    const place = `rules[${index}].`;
    check(file, place, rule as unknown as Readonly<Record<string, unknown>>, RULE);
    if (!('uris' in rule)) throw new UsageError(`${place}uris is missing in ${file}`);
  }
  return value;
}

function check(
  file: string,
  place: string,
  value: Readonly<Record<string, unknown>>,
  checks: Checks,
): void {
  for (const [key, given] of Object.entries(value)) {
    const known = Object.hasOwn(checks, key) ? checks[key] : undefined;
    if (known === undefined) {
      const names = Object.keys(checks).join(', ');
      throw new UsageError(
        `unknown key ${describeValue(place + key)} in ${file}, known are ${names}`,
      );
    }
    const [allowed, holds] = known;
    if (!holds(given)) {
      throw new UsageError(
        `${place}${key} in ${file} must be ${allowed}, got ${describeValue(given)}`,
      );
    }
  }
}

export function isHttpUrl(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && /^https?:/i.test(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
