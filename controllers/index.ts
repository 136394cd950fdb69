/** The controllers, one a kind. */
export { createConnectionPool, type ConnectionPool } from './provider/connect.ts';
export { providerController } from './provider/controller.ts';
export { consequencesOf, granteeOf, lacksOf, namesOf, type Lacks } from './provider/lacks.ts';
export { gatherLayers, type NamedEntries } from './provider/layers.ts';
export { createPrivilegeWatch } from './provider/privileges.ts';
export { connectionOf, resolveSettings, type Layer, type Settings } from './provider/settings.ts';
export { heldWhileUsed } from './shared/in-use.ts';
export { outcomeOf } from './shared/outcome-of.ts';
export { unsupportedController } from './shared/unsupported.ts';
export { exclusivesOf } from './virtualmachine/networks/addresses-in-use.ts';
export { virtualMachineController } from './virtualmachine/controller.ts';
export { DRIFT_TICK, driftScan } from './virtualmachine/observation/drift-scan.ts';
export { bridgeNamed } from './virtualmachine/networks/nics.ts';
export { createGuestMemories, type GuestMemories } from './virtualmachine/memory.ts';
export { createRestartTurns } from './virtualmachine/restart/turns.ts';
export { vmClassController } from './vmclass/controller.ts';
export { vmImageController } from './vmimage/controller.ts';
