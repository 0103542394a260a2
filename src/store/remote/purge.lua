-- Purges tags, or everything. See purge.rs for what the log is.
--
-- ARGV: the epoch that begins if one must, the time to live in milliseconds, the most members, and the tags; without
-- any, everything is purged.
-- Answers the reads and the writes it ran, then the proof of the new end of the log, and its id.
local log = KEYS[1]
local next_epoch, ttl, most = ARGV[1], ARGV[2], tonumber(ARGV[3])

local function begin(exists)
  if exists then
    write('DEL', log)
  end
  local proof = '~~:' .. next_epoch
  write('ZADD', log, '0', proof)
  write('PEXPIRE', log, ttl)
  return { reads, writes, proof, '0' }
end

if #ARGV == 3 then
  return begin(true)
end
local top = read('ZRANGE', log, '-1', '-1', 'WITHSCORES')
local epoch = top[1] and proven(top[1], top[2])
-- A log whose end proves nothing is none: it must not be marked, and begins anew after the marks.
epoch = epoch or next_epoch
local last = epoch == next_epoch and 0 or tonumber(top[2])
local time = read('TIME')
local id = time[1] * 1000000 + time[2]
if id <= last then
  -- The clock is behind: by chance, so that no purge that was lost had the same id.
  id = last + 1 + tonumber(string.sub(next_epoch, 1, 5), 16)
end
if id > 9007199254740992 then
  return begin(true)
end
local text = string.format('%.0f', id)
local proof = '~~' .. string.format('%.0f', id % 1024) .. ':' .. epoch
local marks = { text, proof }
for at = 4, #ARGV do
  table.insert(marks, text)
  table.insert(marks, ARGV[at])
end
if epoch == next_epoch and top[1] then
  write('DEL', log)
end
local added = write('ZADD', log, unpack(marks))
if added > 0 and read('ZCARD', log) > most then
  return begin(true)
end
write('PEXPIRE', log, ttl)
return { reads, writes, proof, text }
