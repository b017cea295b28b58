export default {
  app: {
    title: 'HES', skip: 'Skip to content', live: 'live', connecting: 'connecting…', lost: 'connection lost',
    lostLong: 'The connection to the head-end is lost. What you see may be old; trying again…',
    dark: 'Dark', light: 'Light', toDark: 'Switch to dark', toLight: 'Switch to light', language: 'Language',
    zoneMeters: 'Vietnam time', zoneBrowser: 'My time', menu: 'Menu', token: 'Token', tokenLong: 'This head-end asks for a token.',
    signIn: 'Sign in', retry: 'Try again', cancel: 'Cancel', more: 'More', nothing: 'Nothing here.', close: 'Close', copy: 'Copy', copied: 'Copied',
  },
  nav: { overview: 'Overview', meters: 'Meters', alarms: 'Alarms', modems: 'Modems', tree: 'Supervision', events: 'Events' },
  state: {
    online: 'online', offline: 'offline', alarm: 'alarm', never: 'never heard', running: 'running', backoff: 'restarting',
    parked: 'parked', starting: 'starting', stopping: 'stopping', stopped: 'stopped', OFFLINE: 'offline', READY: 'ready',
    READING: 'reading', SILENT: 'silent', QUARANTINED: 'quarantined', IDENTIFYING: 'identifying',
  },
  overview: {
    meters: 'Meters', modems: 'Modems online', readings: 'Readings, last hour', success: 'Read success, 24 h', alarms: 'Open alarms',
    rate: 'Events per second', rateChart: 'Events per second, last minutes', newest: 'Newest events', latestAlarms: 'Open alarms',
    lag: 'Read models', behind: '{n} behind', level: 'up to date', since: 'up for {time}', version: 'version {v}',
    emptyTitle: 'No meters yet', emptyText: 'Bring in a device list, or start a simulated fleet:',
  },
  meters: {
    search: 'Search meter, modem or area', area: 'Area', state: 'State', all: 'all', meter: 'Meter', modem: 'Modem', protocol: 'Protocol',
    energy: 'Import +A', drift: 'Clock off', last: 'Last reading', alarms: 'Alarms', shown: '{n} of {total} meters', none: 'No meter matches.',
  },
  meter: {
    profile: 'Load profile', registers: 'Latest registers', readNow: 'Read now', readProfile: 'Read profile', checkClock: 'Check clock',
    setClock: 'Set clock', setClockSure: 'Set the clock of meter {id} to the time of the head-end?', reading: 'Reading…', history: 'Event history',
    code: 'OBIS', value: 'Value', unit: 'Unit', time: 'Time', source: 'Source', quality: 'Quality', today: 'Today', week: '7 days', month: '30 days',
    table: 'Table', chart: 'Chart', channel: 'Channel', noProfile: 'No intervals in this range. “Read profile” asks the meter for them.',
    noRegisters: 'No register was read yet. “Read now” asks the meter.', alarms: 'Alarms', events: 'Meter events', kept: 'Messages kept raw', failures: 'Failed reads',
    ahead: 'The clock is {s} s ahead (± {u} s).', lateBy: 'The clock is {s} s behind (± {u} s).', clockSet: 'It was set: {before} s before, {after} s now.',
    got: '{n} values read.', gotIntervals: '{n} intervals read.', refused: 'The meter refused {n}: {codes}', unknown: 'There is no meter {id}.',
    power: 'Average power', index: 'Reading',
  },
  alarms: {
    open: 'Open', all: 'All', severity: 'Severity', kind: 'Alarm', where: 'Where', raised: 'Raised', cleared: 'Cleared', seen: 'Seen by',
    acknowledge: 'Acknowledge', note: 'Note', info: 'info', warning: 'warning', critical: 'critical', none: 'No alarm is open.',
  },
  modems: {
    modem: 'Modem', state: 'State', why: 'Because', peer: 'From', link: 'Link', heard: 'Last heard', traffic: 'In / out', queue: 'Queue', meters: 'Meters',
    unknown: 'Unknown callers', when: 'When', listener: 'Listener', bytes: 'First bytes', none: 'No modem has called yet.', filter: 'Filter',
  },
  tree: {
    unhealthy: 'only those with trouble', restarts: '{n} restarts', mailbox: '{n} waiting', crash: 'Last crash', ago: '{time} ago', trace: 'Trace',
    restart: 'Restart', restartSure: 'Let {path} die and start anew?', children: '{n} children', page: '{from}–{to} of {n}', busy: 'busy with {what}',
  },
  events: {
    stream: 'Stream', streamHint: 'meter:ID, modem:ID or node:main; empty: all', type: 'Type', newest: 'newest first', older: 'Older', follow: 'follow live',
    position: 'Position', at: 'Received', none: 'No events.',
  },
}
