import 'vuetify/styles'
import './style.css'
import { createApp, watch } from 'vue'
import { createVuetify } from 'vuetify'
import { aliases, mdi } from 'vuetify/iconsets/mdi-svg'
import { en, vi } from 'vuetify/locale'
import App from './App.vue'
import { i18n } from './i18n'
import { router } from './router'
import { language, theme } from './settings'

const vuetify = createVuetify({
  icons: { defaultSet: 'mdi', aliases, sets: { mdi } },
  locale: { locale: language.value, messages: { en, vi } },
  theme: {
    defaultTheme: theme.value,
    themes: {
      light: { colors: { primary: '#1257a6', surface: '#ffffff', background: '#f4f6f9', success: '#1b7a3d', warning: '#9a5b00', error: '#b3261e' } },
      dark: { colors: { primary: '#8ab8f2', surface: '#1b1f25', background: '#12151a', success: '#6fd08c', warning: '#f0b357', error: '#f2887f' } },
    },
  },
  defaults: { VCard: { rounded: 'lg', elevation: 0, border: true }, VBtn: { variant: 'tonal' }, VTextField: { density: 'compact', variant: 'outlined', hideDetails: true }, VSelect: { density: 'compact', variant: 'outlined', hideDetails: true } },
})
watch(theme, (chosen) => vuetify.theme.change(chosen))
watch(language, (chosen) => (vuetify.locale.current.value = chosen))
createApp(App).use(i18n).use(vuetify).use(router).mount('#app')
