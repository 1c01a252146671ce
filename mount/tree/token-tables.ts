import { hex } from '../../src/bytes/hex.js';
import type { Table } from '../../src/vfs/column.js';
import { aceTypeName, type Ace } from '../../src/bytes/acl.js';
import { attributeNames } from '../../src/windows/token-detail.js';
import type { TokenPrivilege } from '../../src/windows/token.js';

/** A SID of a token with what it is called. */
export interface GroupRow {
  readonly sid: string;
  /** Undefined when no source says it. */
  readonly name: string | undefined;
  readonly attributes: number;
}

/** An entry of a default DACL with what its SID is called. */
export interface AceRow {
  readonly ace: Ace;
  readonly name: string | undefined;
}

/** The user and the groups of a token, the user first. */
export const groupsTable: Table<GroupRow> = {
  name: 'sid-all',
  doc: 'The user and the groups of a process\'s token, the user first.',
  heading: '   # Display Name                                                     SID',
  index: 4,
  columns: [
    {
      name: 'display_name', csv: 'DisplayName', kind: 'text', value: ({ name }) => name,
      text: { width: 64, align: 'left', show: ({ name }) => name ?? '---' }, doc: 'What it is called; --- when no source says it.',
    },
    { name: 'sid', csv: 'SID', kind: 'text', value: ({ sid }) => sid, text: { width: 48, align: 'left' }, doc: 'Security identifier.' },
    { name: 'attributes', csv: 'Attributes', kind: 'hex', value: ({ attributes }) => attributes, doc: 'SE_GROUP_* bits.' },
  ],
};

function sids(name: string, doc: string): Table<GroupRow> {
  return {
    name, doc,
    heading: '   # Attributes                               SID                                                              Display Name',
    index: 4,
    columns: [
      {
        name: 'attributes', csv: 'Attributes', kind: 'hex', value: ({ attributes }) => attributes,
        text: { width: 40, align: 'left', show: ({ attributes }) => attributeNames(attributes) }, doc: 'SE_GROUP_* bits, in the text by name.',
      },
      { name: 'sid', csv: 'SID', kind: 'text', value: (row) => row.sid, text: { width: 64, align: 'left' }, doc: 'Security identifier.' },
      {
        name: 'display_name', csv: 'DisplayName', kind: 'text', value: (row) => row.name,
        text: { width: 0, align: 'left', show: (row) => row.name ?? '---' }, doc: 'What it is called; --- when no source says it.',
      },
    ],
  };
}

export const groupAttributesTable = sids('groups', 'The user and the groups of a token with their attributes: which count, which only deny.');
export const restrictedTable = sids('restricted-sids', 'The restricted SIDs of a token: access is checked against them too.');
export const capabilitiesTable = sids('capabilities', 'The capabilities of an app container\'s token.');

export const daclTable: Table<AceRow> = {
  name: 'dacl',
  doc: 'The default DACL of a token: what objects that it makes are protected by when nothing else is said.',
  heading: '   # Type                     Flags     Mask SID                                                              Display Name',
  index: 4,
  columns: [
    { name: 'type', csv: 'Type', kind: 'text', value: ({ ace }) => aceTypeName(ace.type), text: { width: 24, align: 'left' }, doc: 'Kind of entry.' },
    { name: 'flags', csv: 'Flags', kind: 'hex', value: ({ ace }) => ace.flags, text: { width: 5, align: 'right' }, doc: 'Inheritance bits.' },
    { name: 'mask', csv: 'Mask', kind: 'hex', value: ({ ace }) => ace.mask, text: { width: 8, align: 'right' }, doc: 'Access mask.' },
    { name: 'sid', csv: 'SID', kind: 'text', value: ({ ace }) => ace.sid, text: { width: 64, align: 'left' }, doc: 'Whom it is about.' },
    { name: 'display_name', csv: 'DisplayName', kind: 'text', value: ({ name }) => name, text: { width: 0, align: 'left', show: ({ name }) => name ?? '---' }, doc: 'What the SID is called.' },
  ],
};

function flags({ enabled, present, enabledByDefault }: TokenPrivilege): string {
  return `${enabled ? 'e' : '-'}${present ? 'p' : '-'}${enabledByDefault ? 'd' : '-'}`;
}

/** The privileges of a token. */
export const privilegesTable: Table<TokenPrivilege> = {
  name: 'privileges',
  doc: 'The privileges of a process\'s token: e enabled, p present, d enabled by default.',
  heading: '   # Flags Privilege Name',
  columns: [
    { name: 'luid', csv: 'LUID', kind: 'hex', value: ({ luid }) => luid, text: { width: 4, align: 'left', show: ({ luid }) => hex(luid, 4) }, doc: 'The privilege\'s number.' },
    {
      name: 'enabled', csv: 'Enabled', kind: 'flag', value: ({ enabled }) => enabled, doc: 'In force; in the text, the flags e, p and d.',
      text: { width: 3, align: 'left', lead: '  ', show: flags },
    },
    { name: 'present', csv: 'Present', kind: 'flag', value: ({ present }) => present, doc: 'The token has it, so that it can be enabled.' },
    { name: 'enabled_by_default', csv: 'EnabledByDefault', kind: 'flag', value: ({ enabledByDefault }) => enabledByDefault, doc: 'Enabled when the token was made.' },
    { name: 'name', csv: 'Name', kind: 'text', value: ({ name }) => name, text: { width: 42, align: 'left', lead: '  ' }, doc: 'The privilege.' },
  ],
};
