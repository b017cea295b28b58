// The words of the domain in the reader's language: registers, events, alarms, reasons.

import { useI18n } from 'vue-i18n'
import type { EventForm } from './api'
import { duration, exact, number } from './format'

/** The page of a stream's meter or modem. */
export function linkOf(stream: string): string | undefined {
  const cut = stream.indexOf(':')
  const id = encodeURIComponent(stream.slice(cut + 1))
  if (stream.startsWith('meter:')) return `/meters/${id}`
  return stream.startsWith('modem:') ? `/modems/${id}` : undefined
}

const PHASES: Record<string, string> = { '2': 'A', '4': 'B', '6': 'C' }
const ENERGY: Record<string, string> = { '1': 'importActive', '2': 'exportActive', '3': 'importReactive', '4': 'exportReactive' }
const IN_PHASE: Record<string, string> = { '1': 'current', '2': 'voltage', '3': 'powerFactor' }

/** Key and words of a register by its OBIS code (IEC 62056-61); nothing for those that we do not know. */
function registerOf(obis: string): { key: string; phase?: string; rate?: string } | undefined {
  const [a, , c, d, e] = obis.split('.')
  if (a !== '1') return undefined
  if (ENERGY[c] && ['8', '6', '29', '7'].includes(d)) {
    const kind = { '8': 'energy', '6': 'demand', '29': 'interval', '7': 'power' }[d]!
    return { key: `${kind}.${ENERGY[c]}`, rate: e !== '0' ? e : undefined }
  }
  if (d !== '7') return undefined
  if (c === '13') return { key: 'powerFactor' }
  if (c === '14') return { key: 'frequency' }
  const phase = PHASES[{ 3: '2', 5: '4', 7: '6' }[Number(c[0])] ?? '']
  const what = c.length === 2 ? IN_PHASE[c[1]] : undefined
  return phase && what ? { key: what, phase } : undefined
}

export function useWords() {
  const { t, te } = useI18n()
  const known = (key: string, otherwise: string): string => (te(key) ? t(key) : otherwise)

  function registerName(obis: string): string {
    const found = registerOf(obis)
    if (!found) return known(`register.by.${obis.replaceAll('.', '_')}`, '')
    const name = t(`register.${found.key}`)
    if (found.phase) return `${name} ${found.phase}`
    return found.rate ? `${name}, ${t('register.rate', { n: found.rate })}` : name
  }

  const eventName = (type: string): string => {
    const name = type.split('/')[0]
    return known(`event.${name}`, name)
  }
  const alarmName = (kind: string): string => known(`alarmKind.${kind}`, kind)
  const reasonName = (reason: string): string => known(`reason.${reason}`, reason)
  const took = (seconds: number): string => (seconds < 10 ? `${number(seconds, 1)} s` : duration(seconds))
  const commandName = (name: string): string => known(`command.${name}`, name)
  const sourceName = (source: string): string => known(`source.${source}`, source)
  const qualityName = (quality: string): string => known(`quality.${quality}`, quality)
  const meterEventName = (name: string | null, code: number | null): string =>
    name ? known(`meterEvent.${name}`, name) : t('events.code', { code: code ?? '?' })

  /** What an event says, in one line. */
  function eventText(event: EventForm): string {
    const data = (event.data ?? {}) as Record<string, any>
    switch (event.type.split('/')[0]) {
      case 'Reading': {
        const values = (data.values ?? []) as { obis: string; value: unknown; unit: string | null }[]
        const first = values.find((value) => value.obis === '1.0.1.8.0.255') ?? values.find((value) => value.unit)
        const shown = first ? `${registerName(first.obis) || first.obis} ${exact(String(first.value))} ${first.unit ?? ''} · ` : ''
        return `${shown}${t('events.values', { n: values.length })} · ${sourceName(data.source)}`
      }
      case 'LoadProfileRead':
        return `${t('events.intervals', { n: data.rows?.length ?? 0 })} · ${sourceName(data.source)}`
      case 'ReadFailed':
        return `${reasonName(data.reason)}: ${data.detail}`
      case 'MeterEvent':
        return [meterEventName(data.name, data.code), data.detail].filter(Boolean).join(' · ')
      case 'OverVoltage':
      case 'OverVoltageCleared':
        return `${data.phase}: ${number(data.voltage_v, 1)} V (${t('events.limit', { n: number(data.limit_v, 1) })})`
      case 'ClockDrift':
      case 'ClockDriftCleared':
        return `${number(data.drift_s, 1)} s ± ${number(data.uncertainty_s, 1)} s`
      case 'ClockSet':
        return `${number(data.drift_before_s, 1)} s → ${number(data.drift_after_s, 1)} s`
      case 'ModemConnected':
        return `${data.peer} · ${data.link} · ${t('events.session', { n: data.session })}`
      case 'ModemDisconnected':
        return `${data.reason} · ${duration(data.lasted_s)}`
      case 'ModemSuperseded':
        return `${data.old_peer} → ${data.new_peer}`
      case 'PushKept':
        return t('kept.raw', { reason: known(`kept.reasons.${data.reason}`, data.reason) })
      case 'ActorFailed':
        return `${data.path}: ${data.reason}`
      case 'CommandRequested':
        return [`${commandName(data.command)} ${data.argument}`, data.actor, data.reason].filter(Boolean).join(' · ')
      case 'RelaySwitched':
        return [`${known(`word.${data.state_before}`, data.state_before)} → ${known(`word.${data.state}`, data.state)}`, data.actor, data.reason].filter(Boolean).join(' · ')
      case 'MeterConfigured':
      case 'MeterKeysChanging':
      case 'MeterKeysChanged':
      case 'MeterKeysKept':
        return [commandName(data.what), data.actor, data.reason].filter(Boolean).join(' · ')
      case 'FirmwareOffered':
        return [`${data.image} · ${number(data.size_bytes)} B`, data.actor, data.reason].filter(Boolean).join(' · ')
      case 'FirmwareProgressed':
        return [`${data.image} · ${known(`firmware.states.${data.step}`, data.step)} ${number(data.done_bytes)}/${number(data.size_bytes)} B`, data.detail].filter(Boolean).join(' · ')
      case 'FirmwareActivated':
        return [data.image, [data.version_before, data.version].filter(Boolean).join(' → ')].filter(Boolean).join(' · ')
      case 'FirmwareFailed':
        return `${data.image} · ${data.step}: ${data.detail}`
      case 'CommandFinished':
        return `${commandName(data.command)} · ${data.ok ? t('events.ok') : data.detail} · ${took(data.lasted_s)}`
      case 'DeviceRegistered':
        return [data.protocol, data.framing, data.area].filter(Boolean).join(' · ')
      case 'NodeStarted':
        return t('overview.version', { v: data.version })
      default:
        return String(data.reason ?? data.sign ?? data.note ?? '')
    }
  }

  return { alarmName, eventName, eventText, meterEventName, qualityName, reasonName, registerName, sourceName }
}
