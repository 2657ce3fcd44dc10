/** By act: the button, the headline of the bar, and what happens. */
export const acts: Record<string, { button: string; head: string; line: string }> = {
  open: {
    button: 'Khai mạc',
    head: 'Khai mạc phiên họp',
    line: 'Máy ghi đã sẵn sàng. Từ lúc này mọi việc được ghi vào sổ.',
  },
  name_secretary: {
    button: 'Cử thư ký',
    head: 'Cử thư ký phiên họp',
    line: 'Chọn một đồng chí ghi biên bản và điểm danh.',
  },
  start_roll_call: {
    button: 'Bắt đầu điểm danh',
    head: 'Điểm danh',
    line: 'Đồng chí ở xa bấm “Có mặt” trên máy mình; thư ký ghi đồng chí tại phòng.',
  },
  cast_ballot: {
    button: 'Bỏ phiếu',
    head: 'Mời đồng chí biểu quyết',
    line: '{rule}',
  },
  change_ballot: {
    button: 'Đổi ý kiến',
    head: 'Đồng chí đã biểu quyết',
    line: 'Được đổi ý kiến cho đến khi chủ trì đóng biểu quyết.',
  },
  check_in: { button: 'Có mặt', head: 'Điểm danh', line: 'Bấm một lần để ghi có mặt.' },
  finish_roll_call: {
    button: 'Xong điểm danh',
    head: 'Kết thúc điểm danh',
    line: 'Có mặt {present}, vắng {absent}. Đồng chí đến sau vẫn được ghi vào sổ.',
  },
  approve_agenda: {
    button: 'Thông qua chương trình',
    head: 'Thông qua chương trình {items} mục',
    line: 'Hỏi ý kiến chi bộ; không ai có ý kiến khác thì bấm.',
  },
  start_item: {
    button: 'Vào mục {number}',
    head: 'Mục {number}: {title}',
    line: 'Dự kiến {minutes} phút.',
  },
  finish_item: {
    button: 'Xong mục {number}',
    head: 'Kết thúc mục {number}',
    line: 'Ghi kết luận (nếu có) rồi sang mục sau.',
  },
  postpone_item: {
    button: 'Để mục {number} sau',
    head: 'Để mục {number} sau',
    line: 'Mục này chuyển xuống dưới, kèm lý do.',
  },
  give_floor: {
    button: 'Mời {given} phát biểu',
    head: 'Mời đồng chí {name} phát biểu',
    line: 'Mỗi lượt 5 phút.',
  },
  end_floor: {
    button: 'Kết thúc lượt',
    head: 'Kết thúc lượt phát biểu',
    line: 'Máy của đồng chí ấy tự tắt tiếng.',
  },
  propose_motion: {
    button: 'Nêu nội dung biểu quyết',
    head: 'Nêu nội dung biểu quyết mục {number}',
    line: 'Viết đúng câu sẽ đưa ra biểu quyết.',
  },
  open_vote: {
    button: 'Mở biểu quyết mục {number}',
    head: 'Mở biểu quyết mục {number}',
    line: '{rule}',
  },
  extend_vote: {
    button: 'Thêm 1 phút',
    head: 'Thêm 1 phút',
    line: 'Đồng chí chưa biểu quyết có thêm thời gian.',
  },
  close_vote: {
    button: 'Đóng biểu quyết',
    head: 'Đóng biểu quyết',
    line: '{not_voted_line}',
  },
  announce: {
    button: 'Công bố kết quả',
    head: 'Công bố: {arithmetic}',
    line: 'Đọc từng tên và ý kiến. Không ai phản đối thì công bố.',
  },
  announce_objected: {
    button: 'Công bố kết quả',
    head: 'Công bố: {arithmetic}',
    line: 'Có {objections} ý kiến phản đối. Xem lại với đồng chí ấy; nếu sai thì hủy và biểu quyết lại.',
  },
  void_vote: {
    button: 'Hủy lần biểu quyết',
    head: 'Hủy lần biểu quyết này',
    line: 'Kết quả lần này không có giá trị; sổ ghi lý do.',
  },
  repeat_vote: {
    button: 'Biểu quyết lại',
    head: 'Biểu quyết lại nội dung này',
    line: 'Mọi đồng chí bỏ phiếu mới.',
  },
  recess: {
    button: 'Tạm nghỉ',
    head: 'Tạm nghỉ',
    line: 'Trong lúc nghỉ không bàn, không biểu quyết.',
  },
  resume: { button: 'Họp tiếp', head: 'Họp tiếp', line: 'Trở lại đúng chỗ đã dừng.' },
  conclude: {
    button: 'Ghi kết luận',
    head: 'Kết luận phiên họp',
    line: 'Tóm tắt, giao việc và kết luận của chủ trì.',
  },
  read_minutes: {
    button: 'Đọc biên bản',
    head: 'Thư ký đọc biên bản',
    line: 'Cả chi bộ thấy cùng một bản trên máy mình.',
  },
  agree_minutes: {
    button: 'Chi bộ nhất trí biên bản',
    head: 'Chi bộ nhất trí biên bản',
    line: 'Sổ ghi dấu của đúng bản vừa đọc.',
  },
  close: {
    button: 'Bế mạc',
    head: 'Bế mạc phiên họp',
    line: 'Niêm phong sổ, lập biên bản, gửi báo cáo cho cấp trên. Không mở lại được.',
  },
  adjourn: {
    button: 'Hoãn sang ngày khác',
    head: 'Hoãn phiên họp sang ngày khác',
    line: 'Phiên này dừng ở đây; sổ ghi lý do và ngày họp lại.',
  },
  abandon: {
    button: 'Dừng, không ra nghị quyết',
    head: 'Dừng phiên họp',
    line: 'Phiên họp kết thúc mà không ra nghị quyết. Không mở lại được.',
  },
  mark_absent: {
    button: 'Ghi vắng có lý do',
    head: 'Ghi vắng có lý do: {name}',
    line: 'Lý do được ghi vào sổ và biên bản.',
  },
  mark_in_room: {
    button: 'Ghi có mặt tại phòng',
    head: 'Ghi có mặt tại phòng: {name}',
    line: 'Đồng chí ấy đang ở phòng họp.',
  },
  vouch: {
    button: 'Xác nhận',
    head: 'Xác nhận nhìn thấy và nghe thấy {name}',
    line: 'Chủ trì và thư ký cùng bấm; biên bản ghi rõ.',
  },
  remove: {
    button: 'Mời ra khỏi phòng',
    head: 'Mời đồng chí {name} ra khỏi phòng',
    line: 'Đồng chí ấy không vào lại phiên này được. Sổ ghi lý do.',
  },
  enter_hand: {
    button: 'Ghi tay giơ',
    head: 'Ghi tay giơ tại phòng',
    line: 'Ghi tên và ý kiến của đồng chí giơ tay, không có máy.',
  },
  take_chair: {
    button: 'Nhận chủ trì',
    head: 'Nhận chủ trì thay',
    line: 'Chủ trì mất kết nối quá 60 giây. Sổ ghi đồng chí chủ trì từ lúc này.',
  },
  hand_chair: {
    button: 'Giao quyền chủ trì',
    head: 'Giao quyền chủ trì',
    line: 'Đồng chí được giao chủ trì từ lúc này.',
  },
};
