-- Decides up to eight claims, all or nothing: `Quota::step` in doubles. What it says of an algorithm is said there.
--
-- KEYS: those that hold strings, then those that hold hashes (the buckets of @upstash/ratelimit); none twice.
-- ARGV: the client's time in µs, or '' for the server's; how many keys hold strings, '' for all; then for each claim
--   a word: the letter of the algorithm, that of the spend, and the number of the key, counted from '1';
--   the limit, the capacity ('' if it is the limit), the window in µs, and the cost, for a ban its µs;
--   for a refund, the window in which the cost was charged;
--   for a limit of @upstash/ratelimit (its algorithm in capitals), the client's time in µs.
-- Answers how many commands wrote, then for each claim: µs to wait (0 allowed, -1 never), what remains, µs until the
-- reset, the window.
--
-- Numbers are whole and below 2^54: '%d' is exact (a long has 64 bits), and half the price of '%.0f'.
--
-- One script in four files, each a stage: `open` reads, `level` and `spend` decide a claim, `close` writes.
--
-- Our states are text: '1', the letter of the algorithm, µs of the expiry in 16 digits, and what `spend` puts behind it.
-- That of a ban is 'x', whatever the algorithm, with nothing behind it.
local byte, sub, floor, format = string.byte, string.sub, math.floor, string.format
-- Windows may begin at 2^53, and end up to twenty years later.
local MOST, LATEST, MOST_U32 = 9007199254740992, 9637919254740992, 4294967295

local clock = ARGV[1]
-- A state is found by clients whose clocks are behind, too: for ten seconds. By the server's clock, for a millisecond: it
-- ends keys by whole ones. What has ended and is found counts as none.
local grace = 10000
if clock == '' then
  local time = redis.call('TIME')
  clock, grace = time[1] * 1000000 + time[2], 1
else
  clock = clock + 0
end

local strings = ARGV[2] == '' and #KEYS or ARGV[2] + 0
local found = strings == 0 and {} or redis.call('MGET', unpack(KEYS, 1, strings))
-- By key: when the state that replaces what was found ends, 0 for at once; what is added to a count of theirs, and how
-- long it lives then; which of theirs are deleted.
local ends, added, lives, gone = { nil, nil, nil }, nil, nil, nil
-- Room for three claims: a table that grows costs more than all arithmetic.
local reply, said, refused, at = { 0, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil }, 1, false, 3

local count_of
while ARGV[at] do
  local algorithm, spend, key, former = byte(ARGV[at], 1, 4)
  local limit_text, burst, window_text = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local limit, window, cost = limit_text + 0, window_text + 0, ARGV[at + 4]
  cost = cost == '1' and 1 or cost + 0
  local capacity = burst == '' and limit or burst + 0
  at, key = at + 5, key - 48
  local charged, now = nil, clock
  if spend == 114 then -- r
    charged, at = ARGV[at] + 0, at + 1
  end
  local theirs = algorithm < 97
  if theirs then
    now, at = ARGV[at] + 0, at + 1
    -- Counts of theirs. What INCRBY would not count on is an error before anything is written.
    count_of = count_of or function(key)
      local text = found[key]
      local number = tonumber(text or 0)
      if not number or number > MOST or number < -MOST or text and format('%d', number) ~= text then
        return nil
      end
      return number + (added and added[key] or 0)
    end
  end

  -- What was kept: none if it is foreign, or has expired.
  local kept, expires, banned = found[key], nil, spend == 98 -- b
  if kept and not theirs then
    local version, letter = byte(kept, 1, 2)
    expires = version == 49 and (letter == algorithm or letter == 120 or letter == 102 and algorithm == 97) -- x, f, a
      and tonumber(sub(kept, 3, 18))
    if not (expires and expires > now and expires <= LATEST) then
      kept = false
    elseif letter == 120 then
      banned = true
    end
  end
  if spend == 100 then -- d(elete): and then a peek
    spend, banned = 112, false
    if algorithm == 66 and kept == nil then
      local hash = redis.call('HMGET', KEYS[key], 'refilledAt', 'tokens')
      found[key] = hash[1] or hash[2]
    end
    if not theirs then
      found[key], ends[key] = found[key] and '' or false, 0
    else
      gone = gone or {}
      for _, each in ipairs({ key, former and former - 48 }) do
        gone[each] = gone[each] or found[each] and true
        found[each], ends[each] = false, 0
        if added then
          added[each] = nil
        end
      end
    end
    kept = false
  end
