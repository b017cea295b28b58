// What a person chose, remembered by the browser: language, brightness, time zone.

import { ref, watch } from 'vue'

export type Language = 'en' | 'vi'
export type Zone = 'meters' | 'browser'
export const METER_ZONE = 'Asia/Ho_Chi_Minh'

function remembered<T extends string>(key: string, allowed: readonly T[], otherwise: T) {
  const asked = new URLSearchParams(location.search).get(key) ?? localStorage.getItem(`hes-${key}`)
  const value = ref<T>(allowed.includes(asked as T) ? (asked as T) : otherwise)
  watch(value, (chosen) => localStorage.setItem(`hes-${key}`, chosen))
  return value
}

const prefersDark = matchMedia('(prefers-color-scheme: dark)').matches
export const language = remembered<Language>('lang', ['en', 'vi'], navigator.language.startsWith('vi') ? 'vi' : 'en')
export const theme = remembered<'light' | 'dark'>('theme', ['light', 'dark'], prefersDark ? 'dark' : 'light')
export const zone = remembered<Zone>('zone', ['meters', 'browser'], 'meters')
