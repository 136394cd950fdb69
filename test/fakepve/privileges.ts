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

/** Of any version. */
export const isPrivilege = (name: string): boolean => privileges.has(name) || name === 'VM.Monitor';

/** The built-in roles of PVE; they cannot be changed. */
export function rolesOf(known: ReadonlySet<string>): Readonly<Record<string, readonly string[]>> {
  const list = (test: (name: string) => boolean): readonly string[] => [...known].filter(test);
  const of = (...wanted: readonly string[]): readonly string[] => wanted.filter((name) => known.has(name));
  const vmUser = ['VM.Audit', 'VM.Backup', 'VM.Config.CDROM', 'VM.Config.Cloudinit', 'VM.Console'];
  return {
    Administrator: [...known],
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
    PVEMappingAuditor: of('Mapping.Audit'),
    PVEMappingUser: of('Mapping.Audit', 'Mapping.Use'),
    PVEPoolAdmin: ['Pool.Allocate', 'Pool.Audit'],
    PVEPoolUser: ['Pool.Audit'],
    PVESDNAdmin: list((name) => name.startsWith('SDN.')),
    PVESDNUser: of('SDN.Audit', 'SDN.Use'),
    PVESysAdmin: ['Sys.Audit', 'Sys.Console', 'Sys.Syslog'],
    PVETemplateUser: ['VM.Audit', 'VM.Clone'],
    PVEUserAdmin: ['Group.Allocate', 'Realm.AllocateUser', 'User.Modify'],
    PVEVMAdmin: list((name) => name.startsWith('VM.')),
    PVEVMUser: of(...vmUser, 'VM.GuestAgent.Audit', 'VM.PowerMgmt'),
  };
}

export const builtinRoles: ReadonlySet<string> = new Set(Object.keys(rolesOf(privileges)));
