-- Refuses keys that are not declared, in front of a script with `allow-key-locking`. One line when it is sent.
local redis = (function()
  local real, declared, set = redis, {}, function(names)
    local members = {}
    for name in string.gmatch(names, '%S+') do members[name] = true end
    return members
  end
  local keyless = set('PING ECHO TIME PUBLISH SPUBLISH SCAN KEYS RANDOMKEY DBSIZE COMMAND LOLWUT WAIT XREAD XREADGROUP SINTERCARD ZUNION ZINTER ZDIFF ZINTERCARD LMPOP ZMPOP')
  local second = set('OBJECT MEMORY XINFO XGROUP BITOP')
  local two = set('RENAME RENAMENX COPY SMOVE LMOVE RPOPLPUSH')
  local all = set('DEL UNLINK EXISTS TOUCH MGET SINTER SUNION SDIFF SINTERSTORE SUNIONSTORE SDIFFSTORE PFCOUNT PFMERGE')
  local pairwise = set('MSET MSETNX')
  for _, key in ipairs(KEYS) do declared[key] = true end
  local function refusal(name, ...)
    local arguments, name = { ... }, string.upper(tostring(name))
    if name == 'FLUSHALL' or name == 'FLUSHDB' then
      return { err = "ERR " .. name .. " is not allowed in Lua scripts when 'allow-key-locking' flag is set." }
    end
    local first, last, step = 1, 1, 1
    if keyless[name] then last = 0 end
    if second[name] then first, last = 2, 2 end
    if two[name] then last = 2 end
    if all[name] then last = #arguments end
    if pairwise[name] then last, step = #arguments, 2 end
    for place = first, last, step do
      local key = arguments[place]
      if key ~= nil and not declared[tostring(key)] then
        return { err = "ERR Dynamic keys are not allowed in Lua scripts when 'allow-key-locking' flag is set. Key was: " .. tostring(key) }
      end
    end
  end
  return setmetatable({
    call = function(...)
      local refused = refusal(...)
      if refused then error(refused) end
      return (real.call(...))
    end,
    pcall = function(...) return refusal(...) or (real.pcall(...)) end,
  }, { __index = real })
end)()
