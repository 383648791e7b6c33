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
local function all(from, count)
  local held = {}
  for at = from, from + count - 1, 1000 do
    local part = redis.call('MGET', unpack(KEYS, at, math.min(at + 999, from + count - 1)))
    for each = 1, #part do held[#held + 1] = part[each] end
  end
  return held
end
local entries, holders, left = {}, {}, {}
if #KEYS > 1 + count then entries = all(2 + count, count)
else for at = 1, count do entries[at] = false end end
local least, missing = floor and text(floor), false
for at = 1, count do
  holders[at], left[at] = 0, 0
  if known or not entries[at] or not least or entries[at]:sub(1, 16) < least then
    holders[at], missing = 1, true
  end
end
local others = missing and all(2, count)
for at = 1, count do
  if holders[at] == 1 then
    local other = others[at]
    if other and other ~= ARGV[3 + at] then
      holders[at], left[at] = other, redis.call('PTTL', KEYS[1 + at])
    elseif not ticked() or redis.pcall('SET', KEYS[1 + at], text(tick), 'PX', lease).err then
      holders[at] = 0
    end
  end
end
local state = redis.pcall('GET', KEYS[1])
return { type(state) == 'string' and state, entries, holders, left }`);

/** KEYS: locks. ARGV: what each must hold to be deleted. */
export const UNLOCK: RedisScript = script(`
for from = 1, #KEYS, 1000 do
  local to = math.min(from + 999, #KEYS)
  local held, own = redis.call('MGET', unpack(KEYS, from, to)), {}
  for at = from, to do
    if held[at - from + 1] == ARGV[at] then own[#own + 1] = KEYS[at] end
  end
  if #own > 0 then redis.call('DEL', unpack(own)) end
end
return 0`);
