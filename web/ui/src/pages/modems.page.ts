import { mdiRouterWireless } from '@mdi/js'

export default { path: '/modems', name: 'modems', component: () => import('./ModemsPage.vue'), order: 4, icon: mdiRouterWireless }
