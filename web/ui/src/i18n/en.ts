export default {
  app: {
    title: 'HES', skip: 'Skip to content', live: 'live', connecting: 'connecting…', lost: 'connection lost',
    lostLong: 'The connection to the head-end is lost. What you see may be old; trying again…',
    toDark: 'Switch to dark', toLight: 'Switch to light',
    zoneMeters: 'Vietnam time', zoneBrowser: 'My time', menu: 'Menu', token: 'Token', tokenLong: 'This head-end asks for a token.',
    signIn: 'Sign in', retry: 'Try again', cancel: 'Cancel', more: 'More', close: 'Close',
    loading: 'Loading…', zone: 'Times are shown in: {zone}',
  },
  nav: { overview: 'Overview', meters: 'Meters', alarms: 'Alarms', modems: 'Modems', tree: 'Supervision', events: 'Events' },
  state: {
    online: 'online', offline: 'offline', alarm: 'alarm', never: 'never heard', running: 'running', backoff: 'restarting',
    parked: 'parked', starting: 'starting', stopping: 'stopping', stopped: 'stopped', OFFLINE: 'offline', READY: 'ready',
    READING: 'reading', SILENT: 'silent', QUARANTINED: 'quarantined', IDENTIFYING: 'identifying',
  },
  overview: {
    modems: 'Modems online', success: 'Read success, 24 h', alarms: 'Open alarms',
    rate: 'Events per second', rateChart: 'Events per second, last ten minutes', newest: 'Newest events', latestAlarms: 'Open alarms',
    lag: 'Read models', behind: '{n} behind', level: 'up to date', since: 'up for {time}', version: 'version {v}',
    emptyTitle: 'No meters yet', emptyText: 'Bring in a device list, or start a simulated fleet:',
    metersOnline: 'Meters online', perMinute: 'Readings / min', lastHour: '{n} in the last hour', lagTile: 'Events behind', behindNote: 'read models catch up', model: 'Model', poisoned: '{n} set aside', allAlarms: 'all {n}',
  },
  meters: {
    search: 'Search meter, modem or area', area: 'Area', state: 'State', all: 'all', meter: 'Meter', modem: 'Modem', protocol: 'Protocol',
    energy: 'Import +A', drift: 'Clock off', last: 'Last reading', shown: '{n} of {total} meters', none: 'No meter matches.',
    clear: 'Clear the filters',
  },
  meter: {
    profile: 'Load profile', registers: 'Latest registers', readNow: 'Read now', readProfile: 'Read profile', checkClock: 'Check clock',
    setClock: 'Set clock', setClockSure: 'Set the clock of meter {id} to the time of the head-end?', history: 'Event history',
    code: 'OBIS', value: 'Value', unit: 'Unit', time: 'Time', source: 'Source', quality: 'Quality', week: '7 days', month: '30 days',
    channel: 'Channel', noProfile: 'No intervals in this range. “Read profile” asks the meter for them.',
    noRegisters: 'No register was read yet. “Read now” asks the meter.', alarms: 'Alarms', events: 'Meter events', kept: 'Messages kept raw', failures: 'Failed reads',
    ahead: 'The clock is {s} s ahead (± {u} s).', lateBy: 'The clock is {s} s behind (± {u} s).', clockSet: 'It was set: {before} s before, {after} s now.',
    got: '{n} values read.', gotIntervals: '{n} intervals read.', refused: 'The meter refused {n}: {codes}', unknown: 'There is no meter {id}.',
    power: 'Average power',
    title: 'Meter {id}', type: 'Type', generic: 'generic', address: 'Address', keys: 'Keys', hasKeys: 'set', noKeys: 'none', notMeasured: 'not measured', register: 'Register', received: 'received {time}',
    day: '24 hours', range: 'Time range', earlier: 'Earlier', later: 'Later', asTable: 'Show as table', asChart: 'Show as chart', asPower: 'as average power', status: 'Status',
    chartNote: '{n} intervals; “Show as table” lists them.', noProfileTitle: 'No load profile here', noRegistersTitle: 'No register values yet', noEvents: 'This meter has reported no events.', noFailures: 'No read has failed.',
    event: 'Event', byMeter: 'By the meter', reason: 'Reason', underWay: '{what}: waiting for the meter, {n} s…', unknownNext: 'Check the number, or bring the meter in with a device list:',
  },
  alarms: {
    open: 'Open', all: 'All', severity: 'Severity', kind: 'Alarm', where: 'Where', raised: 'Raised', cleared: 'Cleared', seen: 'Seen by',
    acknowledge: 'Acknowledge', note: 'Note', info: 'info', warning: 'warning', critical: 'critical', none: 'No alarm is open.',
    stillOpen: 'open', which: 'Which alarms', noneNext: 'New alarms appear here by themselves.',
  },
  modems: {
    modem: 'Modem', state: 'State', why: 'Because', peer: 'From', link: 'Link', heard: 'Last heard', traffic: 'In / out', queue: 'Queue', meters: 'Meters',
    unknown: 'Unknown callers', when: 'When', listener: 'Listener', bytes: 'First bytes', none: 'No modem has called yet.', filter: 'Filter',
    title: 'Modem {id}', shown: '{n} of {total} modems', noMatch: 'No modem matches.', noneNext: 'Point a modem at a listener of this node, and register its meters in the device list.', noUnknown: 'No stranger has called.',
    sessions: 'Connections', session: 'No.', since: 'Connected', until: 'Ended', lasted: 'Lasted', ended: 'Why it ended', stillOn: 'still connected', noSessions: 'This modem has not connected yet.', unheard: 'This modem has never called.',
  },
  tree: {
    unhealthy: 'only those with trouble', restarts: 'restarted {n}×', mailbox: '{n} waiting', crash: 'Last crash', trace: 'Trace',
    restart: 'Restart', restartSure: 'Let {path} die and start anew?', children: '{n} children', page: '{from}–{to} of {n}', 
    toggle: 'Children of {name}', previous: 'Previous', next: 'Next', noTrouble: 'No trouble on this page.', kind: 'Kind', uptime: 'Up for', restartCount: 'Restarts', handled: 'Messages handled', dropped: 'Messages dropped', inMailbox: 'Mailbox',
    inMailboxNow: '{n} now, {most} at most', now: 'Busy with', says: 'Says', neverCrashed: 'It has not crashed.', crashes: 'Recent crashes', noCrashes: 'No actor has crashed.', selectHint: 'Choose an actor to see its figures.', find: 'Path, meter or modem', notFound: 'There is no actor {what}.',
  },
  events: {
    stream: 'Stream', streamHint: 'meter:ID, modem:ID or node:main; empty: all', type: 'Type', newest: 'newest first', older: 'Older', follow: 'follow live',
    position: 'Position', at: 'Received', none: 'No events.',
    byDevice: 'meter: {time}', code: 'code {code}', values: '{n} values', intervals: '{n} intervals', limit: 'limit {n} V', session: 'session {n}', ok: 'done', head: '{n} events in the log', newer: 'Newer', noneNext: 'Choose another stream or type.',
    noneSoFar: 'Nothing in the part looked at; “Older” looks further.', skipped: '{n} events came too fast to be shown.', reload: 'Load them',
  },
  kept: {
    raw: 'kept raw, not decoded: {reason}', show: 'show the {n} bytes', title: 'System title', none: 'No message had to be kept raw.', about: 'Messages that cannot be read without guessing are kept here as they came.',
    reasons: { positional: 'a list without register codes', 'no-key': 'no key for this meter', 'unknown-meter': 'the meter is not in the device list', malformed: 'the message is damaged', 'auth-tag': 'its authentication tag is wrong', replay: 'its counter is not new' },
  },
  register: {
    rate: 'rate {n}', current: 'Current', voltage: 'Voltage', powerFactor: 'Power factor', frequency: 'Frequency',
    energy: { importActive: 'Energy import +A', exportActive: 'Energy export −A', importReactive: 'Reactive import +R', exportReactive: 'Reactive export −R' },
    demand: { importActive: 'Max demand +P', exportActive: 'Max demand −P', importReactive: 'Max demand +Q', exportReactive: 'Max demand −Q' },
    interval: { importActive: 'Interval energy +A', exportActive: 'Interval energy −A', importReactive: 'Interval energy +R', exportReactive: 'Interval energy −R' },
    power: { importActive: 'Active power +P', exportActive: 'Active power −P', importReactive: 'Reactive power +Q', exportReactive: 'Reactive power −Q' },
    by: { '0_0_96_1_0_255': 'Serial number', '0_0_1_0_0_255': 'Clock' },
  },
  event: {
    Reading: 'Reading', LoadProfileRead: 'Load profile', ReadFailed: 'Read failed', PushKept: 'Push kept raw', MeterEvent: 'Meter event', PowerFailure: 'Power failure', PowerRestored: 'Power restored',
    OverVoltage: 'Over-voltage', OverVoltageCleared: 'Over-voltage ended', ClockDrift: 'Clock drift', ClockDriftCleared: 'Clock right again', ClockSet: 'Clock set', ModemConnected: 'Modem connected', ModemSuperseded: 'Modem superseded',
    ModemDisconnected: 'Modem disconnected', ModemQuarantined: 'Modem quarantined', ModemTrusted: 'Modem trusted', UnknownCaller: 'Unknown caller', DeviceRegistered: 'Device registered', CounterReserved: 'Counters reserved',
    CommandRequested: 'Command given', CommandFinished: 'Command finished', AlarmAcknowledged: 'Alarm acknowledged', ActorFailed: 'Actor crashed', NodeStarted: 'Node started', NodeStopped: 'Node stopped',
  },
  alarmKind: {
    'power-failure': 'Power failure', 'over-voltage': 'Over-voltage', 'clock-drift': 'Clock drift', quarantine: 'Modem in quarantine',
  },
  meterEvent: {
    'power-failure': 'Power failure', 'power-restored': 'Power restored',
  },
  reason: {
    'no-modem': 'modem not connected', 'no-answer': 'no answer', 'bad-check': 'damaged answer', refused: 'refused by the meter', partial: 'incomplete answer', cut: 'connection lost', expired: 'waited too long', busy: 'line busy', internal: 'fault of the head-end',
  },
  source: {
    push: 'push', scheduled: 'schedule', demand: 'on demand', backfill: 'back-fill',
  },
  quality: {
    good: 'good', unscaled: 'unscaled',
  },
}
