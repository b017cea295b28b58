// Times and numbers as people read them, in their language and zone.

import { language, METER_ZONE, zone } from './settings'

const times = new Map<string, Intl.DateTimeFormat>()
const numbers = new Map<string, Intl.NumberFormat>()

function locale(): string {
  return language.value === 'vi' ? 'vi-VN' : 'en-GB'
}

function timeFormat(withDate: boolean): Intl.DateTimeFormat {
  const key = `${locale()} ${zone.value} ${withDate}`
  let format = times.get(key)
  if (!format) {
    format = new Intl.DateTimeFormat(locale(), {
      timeZone: zone.value === 'meters' ? METER_ZONE : undefined,
      ...(withDate ? { year: 'numeric', month: '2-digit', day: '2-digit' } : {}),
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hour12: false,
    })
    times.set(key, format)
  }
  return format
}

export function moment(iso: string | number | null | undefined): string {
  return iso == null ? '–' : timeFormat(true).format(new Date(iso))
}

export function clock(iso: string | number | null | undefined): string {
  return iso == null ? '–' : timeFormat(false).format(new Date(iso))
}

export function number(value: number | string | null | undefined, digits = 0): string {
  if (value == null) return '–'
  const plain = typeof value === 'string' ? Number(value) : value
  if (Number.isNaN(plain)) return String(value)
  const key = `${locale()} ${digits}`
  let format = numbers.get(key)
  if (!format) {
    format = new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits })
    numbers.set(key, format)
  }
  return format.format(plain)
}

/** A decimal string of a meter: its own digits, grouped; never rounded. */
export function exact(value: string | null | undefined): string {
  if (value == null) return '–'
  if (!/^-?\d+(\.\d+)?$/.test(value)) return value
  return number(value, value.split('.')[1]?.length ?? 0)
}

export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`
  return count < 1024 ** 2 ? `${number(count / 1024, 1)} KiB` : `${number(count / 1024 ** 2, 1)} MiB`
}

/** Milliseconds that the chosen zone is ahead of UTC at an instant. */
export function zoneOffset(at: number): number {
  if (zone.value === 'browser') return -new Date(at).getTimezoneOffset() * 60_000
  const text = new Intl.DateTimeFormat('en', { timeZone: METER_ZONE, timeZoneName: 'longOffset' }).formatToParts(at)
  const [, sign, hours, minutes] = /([+-])(\d+):(\d+)/.exec(text.find((part) => part.type === 'timeZoneName')?.value ?? '') ?? []
  return hours ? (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000 : 0
}

const DAY_MS = 86_400_000

/** The first instant of a day (YYYY-MM-DD) in the chosen zone. */
export function dayStart(day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`)
  return new Date(at - zoneOffset(at)).toISOString()
}

/** The last millisecond of a day in the chosen zone. */
export function dayEnd(day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`) + DAY_MS - 1
  return new Date(at - zoneOffset(at)).toISOString()
}

/** A local day (YYYY-MM-DD) as people write it; it has no zone. */
export function dayText(day: string, short = false): string {
  const [year, month, date] = day.split('-')
  return short ? `${date}/${month}` : `${date}/${month}/${year}`
}
