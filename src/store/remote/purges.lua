-- Reads a whole purge log, and begins one where there is none. See purge.rs for what it is.
--
-- ARGV: the epoch that begins if one must, and the time to live in milliseconds.
-- Answers the reads and the writes it ran, then members and their scores.
local log = KEYS[1]
local marks = read('ZRANGE', log, '0', '-1', 'WITHSCORES')
if #marks == 0 or not proven(marks[#marks - 1], marks[#marks]) then
  if #marks > 0 then
    write('DEL', log)
  end
  marks = { '~~:' .. ARGV[1], '0' }
  write('ZADD', log, '0', marks[1])
  write('PEXPIRE', log, ARGV[2])
end
return { reads, writes, marks }
