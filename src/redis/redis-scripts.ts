import { createHash } from 'node:crypto';

/** In front of each value stands the version of its writing, in that many digits. */
export const VERSION_LENGTH = 16;

/** A Lua script: Redis runs it as one, with nothing in between. */
export interface RedisScript {
  readonly source: string;
  readonly sha1: string;
}

/**
 * The state of the order of things is one string of three versions: the last that was given out, that
 * of the last invalidation (head), and that below which everything is invalid (floor). A version is the
 * server's time in µs, or one more than the last, so that none is given out twice, also after a flush.
 *
 * Where the state is lost, or the log of invalidations lacks the head (flushed, evicted, overwritten),
 * what was invalidated is not known any more: the floor is raised to now. Where old invalidations are
 * dropped, one of all ('*') takes their place.
 */
export const STATE = `
local function text(version) return string.format('%016.0f', version) end
local function micros()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local function save(clock, head, floor)
  redis.call('SET', KEYS[1], text(clock) .. ' ' .. text(head) .. ' ' .. text(floor))
end
local function read()
  local held = redis.pcall('GET', KEYS[1])
  if type(held) ~= 'string' or #held ~= 50 then return nil end
  return tonumber(held:sub(1, 16)), tonumber(held:sub(18, 33)), tonumber(held:sub(35, 50))
end
local function nextAfter(clock) return math.max(clock + 1, micros()) end
`;

const LOG = `
local function isWhole(head, floor)
  local last = redis.pcall('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  if last.err then return false end
  if last[2] then return tonumber(last[2]) == head end
  return head == floor
end
local function load()
  local clock, head, floor = read()
  if clock and head and floor and isWhole(head, floor) then return clock, head, floor end
  redis.call('DEL', KEYS[2])
  local now = nextAfter(clock or 0)
  save(now, now, now)
  return now, now, now
end
local function since(cursor)
  return { redis.call('GET', KEYS[1]),
    redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. cursor, '+inf', 'WITHSCORES') }
end
`;

/** KEYS: state, log. ARGV: version. @returns the state, and invalidations since that version */
export const CATCH_UP: RedisScript = script(`${STATE}${LOG}
load()
return since(ARGV[1])`);

/**
 * KEYS: state, log, keys to delete. ARGV: version as above, how many invalidations are remembered, then
 * the invalidations. O(log n) each.
 *
 * @returns as `CATCH_UP`
 */
export const INVALIDATE: RedisScript = script(`${STATE}${LOG}
local clock, head, floor = load()
clock = nextAfter(clock)
head = clock
for at = 3, #ARGV do
  if ARGV[at] == '*' then
    floor = clock
    redis.call('DEL', KEYS[2])
  end
  redis.call('ZADD', KEYS[2], text(clock), ARGV[at])
end
local size, most = redis.call('ZCARD', KEYS[2]), tonumber(ARGV[2])
if size > most then
  local cut = size - math.floor(most * 3 / 4)
  local last = redis.call('ZRANGE', KEYS[2], cut - 1, cut - 1, 'WITHSCORES')
  floor = math.max(floor, tonumber(last[2]))
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, cut - 1)
  redis.call('ZADD', KEYS[2], text(floor), '*')
end
save(clock, head, floor)
for at = 3, #KEYS do redis.call('UNLINK', KEYS[at]) end
return since(ARGV[1])`);

/**
 * KEYS: state, then keys to write; without the state where ARGV[1] has the version of now. ARGV: the
 * version of now or '', then for each key how it is written, ms to live (0 = for ever), and its bytes.
 *
 * How: 'set' (newer than all), 'again' and a version (the same, unless something newer than that is held), or
 * a version (of a load, as of then, unless something newer is held).
 *
 * @returns which keys were left as they are, from 1, and the version of now
 */
export const WRITE: RedisScript = script(`${STATE}
local first, now = 1, ARGV[1]
if now == '' then
  first = 2
  local clock, head, floor = read()
  local tick = nextAfter(clock or 0)
  save(tick, head or tick, floor or tick)
  now = text(tick)
end
local left = {}
for at = first, #KEYS do
  local arg = (at - first) * 3 + 2
  local how, ttl, bytes = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2]
  local version, than = how, how
  if how == 'set' then version = now
  elseif how:sub(1, 5) == 'again' then version, than = now, how:sub(6) end
  local held = redis.pcall('GETRANGE', KEYS[at], 0, 15)
  local isNewer = type(held) == 'string' and #held == 16 and not held:find('%D') and held > than
  if isNewer and how ~= 'set' then left[#left + 1] = at - first + 1
  elseif ttl == '0' then redis.call('SET', KEYS[at], version .. bytes)
  else redis.call('SET', KEYS[at], version .. bytes, 'PX', ttl) end
end
return { left, now }`);

/** KEYS: state. @returns a version that is newer than all given out before */
export const TICK: RedisScript = script(`${STATE}
local clock, head, floor = read()
local tick = nextAfter(clock or 0)
save(tick, head or tick, floor or tick)
return text(tick)`);

/** @returns it with the hash that Redis knows it by */
export function script(source: string): RedisScript {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}
