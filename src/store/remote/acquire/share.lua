-- Carries over what was taken to another window: x * times / by, rounded down, and whether that rounded. Exact in doubles,
-- for an x up to 2^53, to which larger results are cut, and windows up to ten years: digit by digit in base 8, so that a
-- remainder below `by` has room for one digit more.
local function share_of(x, times, by)
  local whole = math.floor(x / by)
  local rest, units, left = x - whole * by, 0, 0
  for bits = 48, 0, -3 do
    left = left * 8 + math.floor(times / 2 ^ bits) % 8 * rest
    local digit = math.floor(left / by)
    units, left = units * 8 + digit, left - digit * by
  end
  units = whole * times + units
  return units < 9007199254740992 and units or 9007199254740992, left > 0
end
