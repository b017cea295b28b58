import { mdiMeterElectricOutline } from '@mdi/js'

export default { path: '/meters', name: 'meters', component: () => import('./MetersPage.vue'), order: 2, icon: mdiMeterElectricOutline }
