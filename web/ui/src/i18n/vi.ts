export default {
  app: {
    title: 'HES', skip: 'Đến nội dung', live: 'trực tiếp', connecting: 'đang kết nối…', lost: 'mất kết nối',
    lostLong: 'Mất kết nối với hệ thống thu thập. Số liệu đang hiển thị có thể đã cũ; đang thử lại…',
    toDark: 'Chuyển sang nền tối', toLight: 'Chuyển sang nền sáng',
    zoneMeters: 'Giờ Việt Nam', zoneBrowser: 'Giờ của tôi', menu: 'Trình đơn', token: 'Mã truy cập', tokenLong: 'Hệ thống yêu cầu mã truy cập.',
    signIn: 'Đăng nhập', retry: 'Thử lại', cancel: 'Hủy', more: 'Thêm', close: 'Đóng',
    loading: 'Đang tải…', zone: 'Múi giờ hiển thị: {zone}',
  },
  nav: { overview: 'Tổng quan', meters: 'Công tơ', alarms: 'Cảnh báo', modems: 'Modem', tree: 'Cây giám sát', events: 'Sự kiện' },
  state: {
    online: 'trực tuyến', offline: 'ngoại tuyến', alarm: 'cảnh báo', never: 'chưa có tín hiệu', running: 'đang chạy', backoff: 'đang khởi động lại',
    parked: 'tạm dừng', starting: 'đang khởi động', stopping: 'đang dừng', stopped: 'đã dừng', OFFLINE: 'ngoại tuyến', READY: 'sẵn sàng',
    READING: 'đang đọc', SILENT: 'im lặng', QUARANTINED: 'cách ly', IDENTIFYING: 'đang nhận dạng',
  },
  overview: {
    modems: 'Modem trực tuyến', success: 'Đọc thành công, 24 giờ', alarms: 'Cảnh báo đang mở',
    rate: 'Sự kiện mỗi giây', rateChart: 'Sự kiện mỗi giây, mười phút gần đây', newest: 'Sự kiện mới nhất', latestAlarms: 'Cảnh báo đang mở',
    lag: 'Mô hình đọc', behind: 'chậm {n}', level: 'đã cập nhật', since: 'chạy được {time}', version: 'phiên bản {v}',
    emptyTitle: 'Chưa có công tơ', emptyText: 'Hãy nhập danh sách thiết bị, hoặc chạy đội công tơ mô phỏng:',
    metersOnline: 'Công tơ trực tuyến', perMinute: 'Lượt đọc / phút', lastHour: '{n} trong giờ qua', lagTile: 'Sự kiện chờ xử lý', behindNote: 'mô hình đọc đang bắt kịp', model: 'Mô hình', poisoned: '{n} để riêng', allAlarms: 'tất cả {n}',
  },
  meters: {
    search: 'Tìm công tơ, modem hoặc khu vực', area: 'Khu vực', state: 'Trạng thái', all: 'tất cả', meter: 'Công tơ', modem: 'Modem', protocol: 'Giao thức',
    energy: 'Điện năng giao +A', drift: 'Lệch giờ', last: 'Lần đọc cuối', shown: '{n} trên {total} công tơ', none: 'Không có công tơ phù hợp.',
    clear: 'Xóa bộ lọc',
  },
  meter: {
    profile: 'Biểu đồ phụ tải', registers: 'Chỉ số mới nhất', readNow: 'Đọc ngay', readProfile: 'Đọc biểu đồ phụ tải', checkClock: 'Kiểm tra giờ',
    setClock: 'Đồng bộ thời gian', setClockSure: 'Đặt giờ công tơ {id} theo giờ hệ thống?', history: 'Lịch sử sự kiện',
    code: 'OBIS', value: 'Giá trị', unit: 'Đơn vị', time: 'Thời điểm', source: 'Nguồn', quality: 'Chất lượng', week: '7 ngày', month: '30 ngày',
    channel: 'Kênh', noProfile: 'Không có số liệu trong khoảng này. “Đọc biểu đồ phụ tải” để hỏi công tơ.',
    noRegisters: 'Chưa đọc chỉ số nào. “Đọc ngay” để hỏi công tơ.', alarms: 'Cảnh báo', events: 'Sự kiện công tơ', kept: 'Bản tin lưu nguyên trạng', failures: 'Lượt đọc lỗi',
    ahead: 'Đồng hồ nhanh {s} giây (± {u} giây).', lateBy: 'Đồng hồ chậm {s} giây (± {u} giây).', clockSet: 'Đã chỉnh: trước lệch {before} giây, nay {after} giây.',
    got: 'Đã đọc {n} giá trị.', gotIntervals: 'Đã đọc {n} chu kỳ.', refused: 'Công tơ từ chối {n}: {codes}', unknown: 'Không có công tơ {id}.',
    power: 'Công suất trung bình',
    title: 'Công tơ {id}', type: 'Chủng loại', generic: 'chung', address: 'Địa chỉ', keys: 'Khóa', hasKeys: 'đã đặt', noKeys: 'không có', notMeasured: 'chưa đo', register: 'Thanh ghi', received: 'nhận lúc {time}',
    day: '24 giờ', range: 'Khoảng thời gian', earlier: 'Trước đó', later: 'Sau đó', asTable: 'Xem dạng bảng', asChart: 'Xem dạng biểu đồ', asPower: 'theo công suất trung bình', status: 'Trạng thái',
    chartNote: '{n} chu kỳ; “Xem dạng bảng” liệt kê đầy đủ.', noProfileTitle: 'Chưa có biểu đồ phụ tải', noRegistersTitle: 'Chưa có chỉ số', noEvents: 'Công tơ này chưa báo sự kiện nào.', noFailures: 'Chưa có lượt đọc nào bị lỗi.',
    event: 'Sự kiện', byMeter: 'Giờ công tơ', reason: 'Lý do', underWay: '{what}: đang chờ công tơ, {n} giây…', unknownNext: 'Hãy kiểm tra số công tơ, hoặc nhập công tơ bằng danh sách thiết bị:',
  },
  alarms: {
    open: 'Đang mở', all: 'Tất cả', severity: 'Mức độ', kind: 'Cảnh báo', where: 'Vị trí', raised: 'Bắt đầu', cleared: 'Kết thúc', seen: 'Người tiếp nhận',
    acknowledge: 'Tiếp nhận', note: 'Ghi chú', info: 'thông tin', warning: 'cảnh báo', critical: 'nghiêm trọng', none: 'Không có cảnh báo nào đang mở.',
    stillOpen: 'đang mở', which: 'Chọn cảnh báo', noneNext: 'Cảnh báo mới sẽ tự hiện ở đây.',
  },
  modems: {
    modem: 'Modem', state: 'Trạng thái', why: 'Lý do', peer: 'Địa chỉ', link: 'Kết nối', heard: 'Tín hiệu cuối', traffic: 'Nhận / gửi', queue: 'Hàng đợi', meters: 'Công tơ',
    unknown: 'Thiết bị lạ gọi đến', when: 'Khi nào', listener: 'Cổng', bytes: 'Byte đầu tiên', none: 'Chưa có modem nào gọi đến.', filter: 'Lọc',
    title: 'Modem {id}', shown: '{n} trên {total} modem', noMatch: 'Không có modem phù hợp.', noneNext: 'Hãy trỏ modem đến một cổng nghe của nút này và đăng ký công tơ trong danh sách thiết bị.', noUnknown: 'Chưa có thiết bị lạ nào gọi đến.',
    sessions: 'Các phiên kết nối', session: 'Số', since: 'Kết nối lúc', until: 'Kết thúc', lasted: 'Kéo dài', ended: 'Lý do kết thúc', stillOn: 'đang kết nối', noSessions: 'Modem này chưa kết nối lần nào.', unheard: 'Modem này chưa từng gọi đến.',
  },
  tree: {
    unhealthy: 'chỉ những nút có sự cố', restarts: 'đã khởi động lại {n} lần', mailbox: '{n} đang chờ', crash: 'Sự cố gần nhất', trace: 'Dấu vết',
    restart: 'Khởi động lại', restartSure: 'Dừng {path} và khởi động lại?', children: '{n} nút con', page: '{from}–{to} trên {n}', 
    toggle: 'Nút con của {name}', previous: 'Trước', next: 'Sau', noTrouble: 'Trang này không có sự cố.', kind: 'Loại', uptime: 'Chạy được', restartCount: 'Số lần khởi động lại', handled: 'Bản tin đã xử lý', dropped: 'Bản tin bị bỏ', inMailbox: 'Hộp thư',
    inMailboxNow: 'đang có {n}, nhiều nhất {most}', now: 'Đang xử lý', says: 'Tự báo', neverCrashed: 'Chưa gặp sự cố.', crashes: 'Sự cố gần đây', noCrashes: 'Chưa có nút nào gặp sự cố.', selectHint: 'Chọn một nút để xem chi tiết.', find: 'Đường dẫn, công tơ hoặc modem', notFound: 'Không có nút {what}.',
  },
  events: {
    stream: 'Luồng', streamHint: 'meter:ID, modem:ID hoặc node:main; để trống: tất cả', type: 'Loại', newest: 'mới nhất trước', older: 'Cũ hơn', follow: 'theo dõi trực tiếp',
    position: 'Vị trí', at: 'Nhận lúc', none: 'Không có sự kiện.',
    byDevice: 'công tơ: {time}', code: 'mã {code}', values: '{n} giá trị', intervals: '{n} chu kỳ', limit: 'ngưỡng {n} V', session: 'phiên {n}', ok: 'xong', head: '{n} sự kiện trong nhật ký', newer: 'Mới hơn', noneNext: 'Hãy chọn luồng hoặc loại khác.',
    noneSoFar: 'Phần đã xem không có; bấm “Cũ hơn” để xem tiếp.', skipped: '{n} sự kiện đến quá nhanh nên chưa hiện.', reload: 'Tải lại',
  },
  kept: {
    raw: 'lưu nguyên trạng, chưa giải mã: {reason}', show: 'xem {n} byte', title: 'System title', none: 'Không có bản tin nào phải lưu nguyên trạng.', about: 'Bản tin chỉ đọc được bằng cách đoán thì được lưu ở đây đúng như khi nhận.',
    reasons: { positional: 'danh sách không kèm mã thanh ghi', 'no-key': 'không có khóa của công tơ này', 'unknown-meter': 'công tơ không có trong danh sách thiết bị', malformed: 'bản tin bị hỏng', 'auth-tag': 'sai mã xác thực', replay: 'bộ đếm không mới' },
  },
  register: {
    rate: 'biểu giá {n}', current: 'Dòng điện pha', voltage: 'Điện áp pha', powerFactor: 'Hệ số công suất', frequency: 'Tần số',
    energy: { importActive: 'Điện năng giao +A', exportActive: 'Điện năng nhận −A', importReactive: 'Vô công giao +R', exportReactive: 'Vô công nhận −R' },
    demand: { importActive: 'Công suất cực đại +P', exportActive: 'Công suất cực đại −P', importReactive: 'Công suất cực đại +Q', exportReactive: 'Công suất cực đại −Q' },
    interval: { importActive: 'Điện năng chu kỳ +A', exportActive: 'Điện năng chu kỳ −A', importReactive: 'Vô công chu kỳ +R', exportReactive: 'Vô công chu kỳ −R' },
    power: { importActive: 'Công suất tác dụng +P', exportActive: 'Công suất tác dụng −P', importReactive: 'Công suất phản kháng +Q', exportReactive: 'Công suất phản kháng −Q' },
    by: { '0_0_96_1_0_255': 'Số công tơ', '0_0_1_0_0_255': 'Đồng hồ' },
  },
  event: {
    Reading: 'Chỉ số', LoadProfileRead: 'Biểu đồ phụ tải', ReadFailed: 'Đọc lỗi', PushKept: 'Bản tin lưu nguyên trạng', MeterEvent: 'Sự kiện công tơ', PowerFailure: 'Mất điện', PowerRestored: 'Có điện lại',
    OverVoltage: 'Quá áp', OverVoltageCleared: 'Hết quá áp', ClockDrift: 'Lệch giờ', ClockDriftCleared: 'Giờ đã đúng', ClockSet: 'Đã đồng bộ giờ', ModemConnected: 'Modem kết nối', ModemSuperseded: 'Modem bị thay phiên',
    ModemDisconnected: 'Modem ngắt kết nối', ModemQuarantined: 'Modem bị cách ly', ModemTrusted: 'Modem được tin cậy', UnknownCaller: 'Thiết bị lạ gọi đến', DeviceRegistered: 'Đăng ký thiết bị', CounterReserved: 'Giữ chỗ bộ đếm',
    CommandRequested: 'Ra lệnh', CommandFinished: 'Lệnh kết thúc', AlarmAcknowledged: 'Tiếp nhận cảnh báo', ActorFailed: 'Nút gặp sự cố', NodeStarted: 'Nút khởi động', NodeStopped: 'Nút dừng',
  },
  alarmKind: {
    'power-failure': 'Mất điện', 'over-voltage': 'Quá áp', 'clock-drift': 'Lệch giờ', quarantine: 'Modem bị cách ly',
  },
  meterEvent: {
    'power-failure': 'Mất điện', 'power-restored': 'Có điện lại',
  },
  reason: {
    'no-modem': 'modem không kết nối', 'no-answer': 'không trả lời', 'bad-check': 'trả lời bị hỏng', refused: 'công tơ từ chối', partial: 'trả lời thiếu', cut: 'mất kết nối', expired: 'chờ quá lâu', busy: 'đường truyền bận', internal: 'lỗi của hệ thống',
  },
  source: {
    push: 'tự gửi', scheduled: 'theo lịch', demand: 'theo yêu cầu', backfill: 'đọc bù',
  },
  quality: {
    good: 'tốt', unscaled: 'chưa quy đổi',
  },
}
