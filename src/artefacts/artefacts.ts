import type { Artefact } from './artefact.js';
import { AMCACHE_DRIVERS } from './amcache-drivers.js';
import { AMCACHE_FILES } from './amcache-files.js';
import { AMCACHE_PROGRAMS } from './amcache-programs.js';
import { AUTOSTARTS } from './autostarts.js';
import { BAM } from './bam.js';
import { BOOT_ENTRIES } from './boot-entries.js';
import { COMPUTER_NAME } from './computer-name.js';
import { DEFENDER } from './defender.js';
import { DIALOG_MRU } from './dialog-mru.js';
import { FIREWALL_RULES } from './firewall-rules.js';
import { IMAGE_FILE_OPTIONS } from './image-file-options.js';
import { INJECTED_DLLS } from './injected-dlls.js';
import { INSTALLED_PROGRAMS } from './installed-programs.js';
import { KNOWN_DLLS } from './known-dlls.js';
import { LSA_PACKAGES } from './lsa-packages.js';
import { MOUNT_POINTS_OF_USERS } from './mount-points.js';
import { MOUNTED_DEVICES } from './mounted-devices.js';
import { MUI_CACHE } from './mui-cache.js';
import { NETWORK_INTERFACES } from './network-interfaces.js';
import { NETWORK_PROVIDERS } from './network-providers.js';
import { NETWORKS } from './networks.js';
import { OFFICE_DOCUMENTS } from './office-documents.js';
import { PENDING_RENAMES } from './pending-renames.js';
import { POWERSHELL_POLICY } from './powershell-policy.js';
import { PRINT_MONITORS } from './print-monitors.js';
import { PROFILES } from './profiles.js';
import { RECENT_DOCS } from './recent-docs.js';
import { RUN_MRU } from './run-mru.js';
import { SAM_GROUPS } from './sam-groups.js';
import { SAM_USERS } from './sam-users.js';
import { SCHEDULED_TASKS } from './scheduled-tasks.js';
import { SEARCHES } from './searches.js';
import { SECURITY_POLICY } from './security-policy.js';
import { SERVICES } from './services.js';
import { SETTINGS_OF_MACHINE } from './settings.js';
import { SHARES } from './shares.js';
import { SHELL_BAGS } from './shell-bags.js';
import { SHIMCACHE } from './shimcache.js';
import { SHUTDOWN } from './shutdown.js';
import { TIME_ZONE } from './time-zone.js';
import { TYPED_PATHS, TYPED_URLS } from './typed.js';
import { USB_DEVICES } from './usb-devices.js';
import { USB_STORAGE } from './usb-storage.js';
import { USER_ASSIST } from './user-assist.js';
import { WINDOWS_VERSION } from './windows-version.js';

/** All artefacts, by name. */
export const ARTEFACTS: readonly Artefact[] = [
  AMCACHE_DRIVERS,
  AMCACHE_FILES,
  AMCACHE_PROGRAMS,
  AUTOSTARTS,
  BAM,
  BOOT_ENTRIES,
  COMPUTER_NAME,
  DEFENDER,
  DIALOG_MRU,
  FIREWALL_RULES,
  IMAGE_FILE_OPTIONS,
  INJECTED_DLLS,
  INSTALLED_PROGRAMS,
  KNOWN_DLLS,
  LSA_PACKAGES,
  MOUNT_POINTS_OF_USERS,
  MOUNTED_DEVICES,
  MUI_CACHE,
  NETWORK_INTERFACES,
  NETWORK_PROVIDERS,
  NETWORKS,
  OFFICE_DOCUMENTS,
  PENDING_RENAMES,
  POWERSHELL_POLICY,
  PRINT_MONITORS,
  PROFILES,
  RECENT_DOCS,
  RUN_MRU,
  SAM_GROUPS,
  SAM_USERS,
  SCHEDULED_TASKS,
  SECURITY_POLICY,
  SERVICES,
  SETTINGS_OF_MACHINE,
  SHARES,
  SHELL_BAGS,
  SHIMCACHE,
  SHUTDOWN,
  TIME_ZONE,
  TYPED_PATHS,
  TYPED_URLS,
  USB_DEVICES,
  USB_STORAGE,
  USER_ASSIST,
  WINDOWS_VERSION,
  SEARCHES,
];
