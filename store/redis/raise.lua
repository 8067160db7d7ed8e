-- KEYS: the lease, the sequence. ARGV: the holder and the epoch that the lease must have; from which sequence on it is raised, and
-- to which. Returns done, fenced, or the sequence.
local lease = redis.call('HMGET', KEYS[1], 'holder', 'epoch')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return 'fenced'
end
local now = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
if now < tonumber(ARGV[3]) or now >= tonumber(ARGV[4]) then
  return string.format('%.0f', now)
end
redis.call('SET', KEYS[2], ARGV[4])
return 'done'
