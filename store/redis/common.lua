-- What both scripts begin with. Strings are compared for being equal alone: Lua orders them by the server's locale.

-- commands takes apart a list of commands: each is a count, and as many strings, each after its length.
local function commands(blob)
  local list, at = {}, 1
  while at <= #blob do
    local n
    n, at = struct.unpack('>I4', blob, at)
    local words = {}
    for i = 1, n do
      words[i], at = struct.unpack('>I4c0', blob, at)
    end
    list[#list + 1] = words
  end
  return list
end

-- call runs a command, and names the key where it is not what the command is for.
local function call(words)
  local reply = redis.pcall(unpack(words))
  if type(reply) == 'table' and reply.err then
    error(reply.err .. ' [' .. string.sub(words[2] or '', 1, 100) .. ']', 0)
  end
  return reply
end

-- every reads a hash for each member of a set: the member, the hash, and so on.
local function every(set, prefix)
  local list = {}
  for _, member in ipairs(call({'SMEMBERS', set})) do
    list[#list + 1] = member
    list[#list + 1] = call({'HGETALL', prefix .. member})
  end
  return list
end

-- holder is which member of a set is found by the name that a hash has; false for none.
local function holder(hash, names, set)
  local name = call({'HGET', hash, 'name'})
  local id = name and call({'HGET', names .. name, 'id'})
  return id and call({'SISMEMBER', set, id}) == 1 and id
end

-- read runs a command that reads, or one of ours: HOLDER tells who is found by the name of a member of a set, HOLDERS does for
-- each of them, where that is another one; EVERY reads the hashes of a set's members, NESTED those of the members of
-- sets of a set's members, VALUES the strings of a set's members.
local function read(words)
  if words[1] == 'EVERY' then
    return every(words[2], words[3])
  end
  if words[1] == 'HOLDER' then
    return holder(words[2], words[3], words[4])
  end
  local list = {}
  if words[1] == 'HOLDERS' then
    for _, member in ipairs(call({'SMEMBERS', words[4]})) do
      local id = holder(words[2] .. member, words[3], words[4])
      if id and id ~= member then
        list[#list + 1] = member
        list[#list + 1] = id
      end
    end
    return list
  end
  if words[1] == 'NESTED' then
    for _, member in ipairs(call({'SMEMBERS', words[2]})) do
      list[#list + 1] = member
      list[#list + 1] = every(words[3] .. member, words[4])
    end
    return list
  end
  if words[1] == 'VALUES' then
    for _, member in ipairs(call({'SMEMBERS', words[2]})) do
      list[#list + 1] = member
      list[#list + 1] = call({'GET', words[3] .. member})
    end
    return list
  end
  return call(words)
end

local unordered = {HGETALL = 2, SMEMBERS = 1, EVERY = 2, NESTED = 2, VALUES = 2, HOLDERS = 2}

-- digest is the same for the same content, in whatever order that is told.
local function digest(reply, size)
  if type(reply) ~= 'table' then
    return redis.sha1hex(type(reply) .. tostring(reply))
  end
  local parts = {}
  for i = 1, #reply, size or 1 do
    local part = digest(reply[i])
    if size == 2 then
      part = part .. digest(reply[i + 1], type(reply[i + 1]) == 'table' and 2 or nil)
    end
    parts[#parts + 1] = part
  end
  if size then
    table.sort(parts) -- of hexadecimal digits, which all locales order alike
  end
  return redis.sha1hex('table' .. table.concat(parts))
end

local function empty(reply)
  return not reply or reply == 0 or (type(reply) == 'table' and #reply == 0)
end

-- sum is the digest of all that some commands read, or "nothing" where there was nothing to be read.
local function sum(list, replies)
  local parts, nothing = {}, true
  for i, words in ipairs(list) do
    nothing = nothing and empty(replies[i])
    parts[i] = digest(replies[i], unordered[words[1]])
  end
  return nothing and 'nothing' or redis.sha1hex(table.concat(parts))
end
