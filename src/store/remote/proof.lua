-- Returns the epoch of a proof, or nil for what is none: strictly, as the reader of the log takes it.
local function proven(member, score)
  local slot, epoch = string.match(member, '^~~(%d*):([0-9a-f]+)$')
  local id = tonumber(score)
  local expected = id == 0 and '' or string.format('%.0f', id % 1024)
  if epoch and #epoch == 32 and id >= 0 and id == math.floor(id) and slot == expected then
    return epoch
  end
end

