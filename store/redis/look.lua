-- ARGV: commands, and whether to tell their sum. Returns the sum, and the replies.
local list, replies = commands(ARGV[1]), {}
for i, words in ipairs(list) do
  replies[i] = read(words)
end
return {ARGV[2] == 'sum' and sum(list, replies) or '', replies}
