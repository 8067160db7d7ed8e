-- KEYS: the lease, the sequence. ARGV: the holder and the epoch that the lease must have, "" for no lease; the sum that the
-- commands which follow it must have, "" for any; the commands that write; the last sequence that was seen, "" for a write
-- that does not count; and the last one that was written with the lease, which nobody else can have raised. Returns what became
-- of it and, where it was done, the sequence, and whether either had gone back.
local types = {
  HSET = 'hash', HSETNX = 'hash', HDEL = 'hash', HINCRBY = 'hash', DELIF = 'hash', NAME = 'hash', SADD = 'set', SREM = 'set', PRUNE = 'set',
  ZADD = 'zset', ZREM = 'zset', ZMOVE = 'zset', FORGET = 'zset', SET = 'string',
}

-- seconds are the types of the second key of commands that have two.
local seconds = {ZMOVE = 'zset', FORGET = 'hash'}

-- more are commands of ours.
local more = {}

-- DELIF key field value: delete a field that has that value.
function more.DELIF(words)
  if redis.call('HGET', words[2], words[3]) == words[4] then
    redis.call('HDEL', words[2], words[3])
  end
end

-- NAME key field value set: set a field, unless it has the value of another member of the set.
function more.NAME(words)
  local now = redis.call('HGET', words[2], words[3])
  if not now or redis.call('SISMEMBER', words[5], now) == 0 then
    redis.call('HSET', words[2], words[3], words[4])
  end
end

-- ZMOVE key to member: a member keeps its score.
function more.ZMOVE(words)
  local score = redis.call('ZSCORE', words[2], words[4])
  if score then
    redis.call('ZADD', words[3], score, words[4])
    redis.call('ZREM', words[2], words[4])
  end
end

-- FORGET key hash until size most: the first members below, and the fields of the hash that they name behind their size.
function more.FORGET(words)
  for _, member in ipairs(redis.call('ZRANGEBYLEX', words[2], '-', '(' .. words[4], 'LIMIT', 0, words[6])) do
    redis.call('ZREM', words[2], member)
    redis.call('HDEL', words[3], string.sub(member, words[5] + 1))
  end
end

-- PRUNE key prefix: members without a key of their own go.
function more.PRUNE(words)
  for _, member in ipairs(redis.call('SMEMBERS', words[2])) do
    if redis.call('EXISTS', words[3] .. member) == 0 then
      redis.call('SREM', words[2], member)
    end
  end
end

local back, counts, fenced = 0, ARGV[6] ~= '', ARGV[2] ~= ''
if fenced then
  local lease = redis.call('HMGET', KEYS[1], 'holder', 'epoch', 'written')
  if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
    return {'fenced'}
  end
  if (tonumber(lease[3] or '') or 0) < tonumber(ARGV[7]) then
    back = 1
  end
end
if ARGV[3] ~= '' then
  local list, replies = commands(ARGV[4]), {}
  for i, words in ipairs(list) do
    replies[i] = read(words)
  end
  if sum(list, replies) ~= ARGV[3] then
    return {'changed'}
  end
end
local writes = commands(ARGV[5])
local known = {}

-- fits tells whether a key is what a command is for.
local function fits(key, want)
  if not want then
    return true
  end
  known[key] = known[key] or redis.call('TYPE', key).ok
  return known[key] == want or known[key] == 'none'
end

for _, words in ipairs(writes) do
  if not fits(words[2], types[words[1]]) then
    return {'type', words[2]}
  end
  local second = seconds[words[1]]
  if second and not fits(words[3], second) then
    return {'type', words[3]}
  end
  if words[1] == 'DEL' then
    known[words[2]] = 'none' -- whatever follows finds none
  end
end
if counts then
  local now = redis.call('GET', KEYS[2])
  if not (now and tonumber(now)) then
    now = '0'
  end
  if tonumber(now) < tonumber(ARGV[6]) then
    back = 1
  end
  now = string.format('%.0f', tonumber(now) + 1)
  redis.call('SET', KEYS[2], now)
  if fenced then
    redis.call('HSET', KEYS[1], 'written', now)
  end
end
for _, words in ipairs(writes) do
  if more[words[1]] then
    more[words[1]](words)
  else
    redis.call(unpack(words))
  end
end
return {'done', counts and redis.call('GET', KEYS[2]) or '0', back}
