import { watch } from 'vue'
import { createI18n } from 'vue-i18n'
import { language } from '../settings'
import en from './en'
import vi from './vi'

export const i18n = createI18n({ legacy: false, locale: language.value, fallbackLocale: 'en', messages: { en, vi } })

watch(
  language,
  (chosen) => {
    i18n.global.locale.value = chosen
    document.documentElement.lang = chosen
  },
  { immediate: true },
)
