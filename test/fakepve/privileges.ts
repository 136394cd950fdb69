const names = `
  Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit
  Group.Allocate Mapping.Audit Mapping.Modify Mapping.Use Permissions.Modify Pool.Allocate Pool.Audit
  Realm.Allocate Realm.AllocateUser SDN.Allocate SDN.Audit SDN.Use
  Sys.AccessNetwork Sys.Audit Sys.Console Sys.Incoming Sys.Modify Sys.PowerMgmt Sys.Syslog User.Modify
  VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk
  VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console
  VM.GuestAgent.Audit VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite
  VM.GuestAgent.Unrestricted VM.Migrate VM.PowerMgmt VM.Replicate VM.Snapshot VM.Snapshot.Rollback`;

/** Every privilege of PVE 9: `VM.Monitor` was removed, the guest agent has its own. */
export const privileges: ReadonlySet<string> = new Set(names.trim().split(/\s+/));

const list = (test: (name: string) => boolean): readonly string[] => [...privileges].filter(test);
const vmUser = [
  'VM.Audit',
  'VM.Backup',
  'VM.Config.CDROM',
  'VM.Config.Cloudinit',
  'VM.Console',
  'VM.GuestAgent.Audit',
];

/** The built-in roles of PVE; they cannot be changed. */
export const builtinRoles: Readonly<Record<string, readonly string[]>> = {
  Administrator: [...privileges],
  NoAccess: [],
  PVEAdmin: list(
    (name) =>
      !/^(?:Permissions\.Modify|Realm\.Allocate|Sys\.(?:Modify|PowerMgmt|Incoming|AccessNetwork))$/.test(
        name,
      ),
  ),
  PVEAuditor: list((name) => /^(?:Datastore|Mapping|Pool|SDN|Sys|VM|VM\.GuestAgent)\.Audit$/.test(name)),
  PVEDatastoreAdmin: list((name) => name.startsWith('Datastore.')),
  PVEDatastoreUser: ['Datastore.AllocateSpace', 'Datastore.Audit'],
  PVEMappingAdmin: list((name) => name.startsWith('Mapping.')),
  PVEMappingAuditor: ['Mapping.Audit'],
  PVEMappingUser: ['Mapping.Audit', 'Mapping.Use'],
  PVEPoolAdmin: ['Pool.Allocate', 'Pool.Audit'],
  PVEPoolUser: ['Pool.Audit'],
  PVESDNAdmin: list((name) => name.startsWith('SDN.')),
  PVESDNUser: ['SDN.Audit', 'SDN.Use'],
  PVESysAdmin: ['Sys.Audit', 'Sys.Console', 'Sys.Syslog'],
  PVETemplateUser: ['VM.Audit', 'VM.Clone'],
  PVEUserAdmin: ['Group.Allocate', 'Realm.AllocateUser', 'User.Modify'],
  PVEVMAdmin: list((name) => name.startsWith('VM.')),
  PVEVMUser: [...vmUser, 'VM.PowerMgmt'],
};
