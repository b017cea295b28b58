export default {
  app: {
    title: 'HES', skip: 'Đến nội dung', live: 'trực tiếp', connecting: 'đang kết nối…', lost: 'mất kết nối',
    lostLong: 'Mất kết nối với hệ thống thu thập. Số liệu đang hiển thị có thể đã cũ; đang thử lại…',
    dark: 'Tối', light: 'Sáng', toDark: 'Chuyển sang nền tối', toLight: 'Chuyển sang nền sáng', language: 'Ngôn ngữ',
    zoneMeters: 'Giờ Việt Nam', zoneBrowser: 'Giờ của tôi', menu: 'Trình đơn', token: 'Mã truy cập', tokenLong: 'Hệ thống yêu cầu mã truy cập.',
    signIn: 'Đăng nhập', retry: 'Thử lại', cancel: 'Hủy', more: 'Thêm', nothing: 'Chưa có gì.', close: 'Đóng', copy: 'Sao chép', copied: 'Đã sao chép',
  },
  nav: { overview: 'Tổng quan', meters: 'Công tơ', alarms: 'Cảnh báo', modems: 'Modem', tree: 'Cây giám sát', events: 'Sự kiện' },
  state: {
    online: 'trực tuyến', offline: 'ngoại tuyến', alarm: 'cảnh báo', never: 'chưa có tín hiệu', running: 'đang chạy', backoff: 'đang khởi động lại',
    parked: 'tạm dừng', starting: 'đang khởi động', stopping: 'đang dừng', stopped: 'đã dừng', OFFLINE: 'ngoại tuyến', READY: 'sẵn sàng',
    READING: 'đang đọc', SILENT: 'im lặng', QUARANTINED: 'cách ly', IDENTIFYING: 'đang nhận dạng',
  },
  overview: {
    meters: 'Công tơ', modems: 'Modem trực tuyến', readings: 'Lượt đọc trong giờ qua', success: 'Tỷ lệ đọc thành công 24 giờ', alarms: 'Cảnh báo đang mở',
    rate: 'Sự kiện mỗi giây', rateChart: 'Sự kiện mỗi giây, những phút gần đây', newest: 'Sự kiện mới nhất', latestAlarms: 'Cảnh báo đang mở',
    lag: 'Mô hình đọc', behind: 'chậm {n}', level: 'đã cập nhật', since: 'chạy được {time}', version: 'phiên bản {v}',
    emptyTitle: 'Chưa có công tơ', emptyText: 'Hãy nhập danh sách thiết bị, hoặc chạy đội công tơ mô phỏng:',
  },
  meters: {
    search: 'Tìm công tơ, modem hoặc khu vực', area: 'Khu vực', state: 'Trạng thái', all: 'tất cả', meter: 'Công tơ', modem: 'Modem', protocol: 'Giao thức',
    energy: 'Điện năng giao +A', drift: 'Lệch giờ', last: 'Lần đọc cuối', alarms: 'Cảnh báo', shown: '{n} trên {total} công tơ', none: 'Không có công tơ phù hợp.',
  },
  meter: {
    profile: 'Biểu đồ phụ tải', registers: 'Chỉ số mới nhất', readNow: 'Đọc ngay', readProfile: 'Đọc biểu đồ phụ tải', checkClock: 'Kiểm tra giờ',
    setClock: 'Đồng bộ thời gian', setClockSure: 'Đặt giờ công tơ {id} theo giờ hệ thống?', reading: 'Đang đọc…', history: 'Lịch sử sự kiện',
    code: 'OBIS', value: 'Giá trị', unit: 'Đơn vị', time: 'Thời điểm', source: 'Nguồn', quality: 'Chất lượng', today: 'Hôm nay', week: '7 ngày', month: '30 ngày',
    table: 'Bảng', chart: 'Biểu đồ', channel: 'Kênh', noProfile: 'Không có số liệu trong khoảng này. “Đọc biểu đồ phụ tải” để hỏi công tơ.',
    noRegisters: 'Chưa đọc chỉ số nào. “Đọc ngay” để hỏi công tơ.', alarms: 'Cảnh báo', events: 'Sự kiện công tơ', kept: 'Bản tin lưu nguyên trạng', failures: 'Lượt đọc lỗi',
    ahead: 'Đồng hồ nhanh {s} giây (± {u} giây).', lateBy: 'Đồng hồ chậm {s} giây (± {u} giây).', clockSet: 'Đã chỉnh: trước lệch {before} giây, nay {after} giây.',
    got: 'Đã đọc {n} giá trị.', gotIntervals: 'Đã đọc {n} chu kỳ.', refused: 'Công tơ từ chối {n}: {codes}', unknown: 'Không có công tơ {id}.',
    power: 'Công suất trung bình', index: 'Chỉ số',
  },
  alarms: {
    open: 'Đang mở', all: 'Tất cả', severity: 'Mức độ', kind: 'Cảnh báo', where: 'Vị trí', raised: 'Bắt đầu', cleared: 'Kết thúc', seen: 'Người tiếp nhận',
    acknowledge: 'Tiếp nhận', note: 'Ghi chú', info: 'thông tin', warning: 'cảnh báo', critical: 'nghiêm trọng', none: 'Không có cảnh báo nào đang mở.',
  },
  modems: {
    modem: 'Modem', state: 'Trạng thái', why: 'Lý do', peer: 'Địa chỉ', link: 'Kết nối', heard: 'Tín hiệu cuối', traffic: 'Nhận / gửi', queue: 'Hàng đợi', meters: 'Công tơ',
    unknown: 'Thiết bị lạ gọi đến', when: 'Khi nào', listener: 'Cổng', bytes: 'Byte đầu tiên', none: 'Chưa có modem nào gọi đến.', filter: 'Lọc',
  },
  tree: {
    unhealthy: 'chỉ những nút có sự cố', restarts: '{n} lần khởi động lại', mailbox: '{n} đang chờ', crash: 'Sự cố gần nhất', ago: '{time} trước', trace: 'Dấu vết',
    restart: 'Khởi động lại', restartSure: 'Dừng {path} và khởi động lại?', children: '{n} nút con', page: '{from}–{to} trên {n}', busy: 'đang xử lý {what}',
  },
  events: {
    stream: 'Luồng', streamHint: 'meter:ID, modem:ID hoặc node:main; để trống: tất cả', type: 'Loại', newest: 'mới nhất trước', older: 'Cũ hơn', follow: 'theo dõi trực tiếp',
    position: 'Vị trí', at: 'Nhận lúc', none: 'Không có sự kiện.',
  },
}
