import { type RedisScript, script, STATE } from './redis-scripts.ts';

/**
 * KEYS: state, then a lock for each name, then their entries, or none of those. ARGV: how many names, ms
 * of the lease, 1 where an entry that is there is known to be invalid, then for each name the lock that
 * may be taken from its holder, or ''.
 *
 * A lock is a version. It is new: what its holder writes as of then loses to what a later holder has
 * written. Where nothing can be written (out of memory, a replica) there are no locks.
 *
 * @returns the state; the entries; for each name 1 where the lock was got, 0 where there is none, else
 *   that of its holder; ms that the holders have left
 */
export const LOCK: RedisScript = script(`${STATE}
local count, lease, known = tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1'
local clock, head, floor = read()
local tick
local function ticked()
  if tick == nil then
    local now = nextAfter(clock or 0)
    local saved = redis.pcall('SET', KEYS[1],
      text(now) .. ' ' .. text(head or now) .. ' ' .. text(floor or now))
    tick = not saved.err and now
  end
  return tick
end
local function entryOf(at)
  local key = KEYS[1 + count + at]
  local held = key and redis.pcall('GET', key)
  return type(held) == 'string' and held
end
local entries, holders, left = {}, {}, {}
for at = 1, count do
  local lock = KEYS[1 + at]
  entries[at], holders[at], left[at] = entryOf(at), 0, 0
  local isNeeded = known or not entries[at] or not floor or entries[at]:sub(1, 16) < text(floor)
  if isNeeded then
    local other = redis.pcall('GET', lock)
    if type(other) == 'string' and other ~= ARGV[3 + at] then
      holders[at], left[at] = other, redis.call('PTTL', lock)
    elseif ticked() and not redis.pcall('SET', lock, text(tick), 'PX', lease).err then
      holders[at] = 1
    end
  end
end
local state = redis.pcall('GET', KEYS[1])
return { type(state) == 'string' and state, entries, holders, left }`);

/** KEYS: locks. ARGV: what each must hold to be deleted. */
export const UNLOCK: RedisScript = script(`
for at = 1, #KEYS do
  if redis.pcall('GET', KEYS[at]) == ARGV[at] then redis.call('DEL', KEYS[at]) end
end
return 0`);
