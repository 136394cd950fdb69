-- Health of the kinds of infra.virtrigaud.io for Argo CD, which runs it with Lua 5.1 and only its basic functions.
-- `npm run generate` writes it into argocd-cm.yaml.

-- Nothing is left to be done until a person changes the spec, or deletes the object.
local suspended_by = {
  CreateOnly = true,
  ManagementPaused = true,
  NamespaceNotWatched = true,
  ObserveOnly = true,
  VMDeleted = true,
}

local function health(status, message)
  return { status = status, message = message }
end

local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready
local stalled = conditions.Stalled

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", ready and ready.message or "The object is being deleted.")
end
-- Conditions of an earlier generation say nothing about this one.
if ready == nil or status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "The operator has not observed this generation yet.")
end
if stalled ~= nil and stalled.status == "True" then
  return health("Degraded", stalled.message)
end
if ready.status == "True" then
  if obj.spec ~= nil and obj.spec.suspend == true then
    return health("Suspended", "spec.suspend is true.")
  end
  return health("Healthy", ready.message)
end
if conditions.Reconciling == nil and suspended_by[ready.reason] then
  return health("Suspended", ready.message)
end
return health("Progressing", ready.message)
