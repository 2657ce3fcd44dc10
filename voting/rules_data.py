"""Every number and choice a session needs, as dated entries.

Append only: to change a rule, give the old entry its last day and add a new one, so that old
sessions recount under the rules of their day.
"""

from datetime import date

from voting.ruleset import Confidence, Rule, RuleValue

LABEL = "vn-chibo"

_SEEN, _REPORTED = Confidence.SEEN, Confidence.REPORTED
_MEMORY, _INFERENCE, _DEFAULT = Confidence.MEMORY, Confidence.INFERENCE, Confidence.DEFAULT

_STATUTES = date(2011, 1, 19)  # Điều lệ Đảng
_24QD = date(2021, 7, 30)
_69QD = date(2022, 7, 6)
_03HD = date(2022, 12, 27)
_190QD = date(2024, 10, 10)
_06HD = date(2025, 6, 9)
_42HD = date(2025, 10, 28)
_01HD = date(2026, 5, 19)
_PRODUCT = date(2022, 12, 27)  # our own defaults hold wherever 03-HD/TW does


def _rule(
    key: str,
    value: RuleValue,
    source: str,
    confidence: Confidence,
    since: date,
    note_vi: str,
    adjustable: bool = False,
) -> Rule:
    return Rule(key, value, source, confidence, since, None, note_vi, adjustable)


def _decision(
    kind: str,
    threshold: tuple[str, str, Confidence, date],
    base: tuple[str, str, Confidence],
    ballot: tuple[str, str, Confidence],
    contents: tuple[str, ...],
    note_vi: str,
) -> tuple[Rule, ...]:
    """The four rules of one kind. `threshold` ends with the day from which the kind exists."""
    majority, source, confidence, since = threshold
    key = f"decision.{kind}"
    return (
        _rule(f"{key}.threshold", majority, source, confidence, since, note_vi),
        _rule(f"{key}.base", base[0], base[1], base[2], since, note_vi),
        _rule(f"{key}.ballot", ballot[0], ballot[1], ballot[2], since, note_vi),
        _rule(f"{key}.contents", contents, "mặc định thận trọng", _DEFAULT, since, note_vi),
    )


_HALF, _TWO_THIRDS = "more_than_half", "at_least_two_thirds"
_B = ("official", "24-QĐ/TW khoản 9.3.2", _SEEN)
_OPEN = ("open", "thẻ đảng viên hoặc giơ tay", _MEMORY)
_SECRET = ("secret", "bỏ phiếu; hiểu là kín", _MEMORY)

_ONLINE = (
    _rule(
        "eligibility.threshold",
        _HALF,
        "03-HD/TW mục II.1.1",
        _SEEN,
        _03HD,
        "Trên một nửa số đảng viên không thể họp tập trung; đúng một nửa là chưa đủ.",
    ),
    _rule(
        "eligibility.counts_probationary",
        True,
        "03-HD/TW, chữ “số đảng viên”",
        _INFERENCE,
        _03HD,
        "Đảng viên dự bị được tính vào tổng số khi xét điều kiện họp trực tuyến.",
    ),
    _rule(
        "eligibility.counts_temporary_here",
        False,
        "208-QĐ/TW: tính ở nơi sinh hoạt chính thức",
        _INFERENCE,
        _03HD,
        "Đảng viên sinh hoạt tạm thời được tính ở chi bộ gốc.",
    ),
    _rule(
        "eligibility.special_nature",
        (
            "abroad",
            "offices_in_several_provinces",
            "work_far_from_home",
            "student_summer_break",
            "armed_forces_duty",
            "health_duty",
            "forest_ranger_duty",
            "ship_sea_or_island",
        ),
        "03-HD/TW mục II.1.1",
        _SEEN,
        _03HD,
        "Các trường hợp có tính chất đặc thù.",
    ),
    _rule(
        "eligibility.special_circumstances",
        ("epidemic", "disaster", "emergency"),
        "03-HD/TW, đoạn chưa có nguyên văn",
        _MEMORY,
        _03HD,
        "Các trường hợp có hoàn cảnh đặc biệt; cần đối chiếu nguyên văn.",
    ),
    _rule(
        "eligibility.party_group_min_members",
        50,
        "03-HD/TW mục II.1.2",
        _REPORTED,
        _03HD,
        "Chi bộ có tổ đảng và từ 50 đảng viên trở lên mới được họp theo tổ.",
    ),
    _rule(
        "eligibility.party_group_max_per_year",
        3,
        "03-HD/TW mục II.2",
        _REPORTED,
        _03HD,
        "Số lần tối đa trong năm họp theo tổ đảng thay cho toàn chi bộ.",
    ),
    _rule(
        "online.authorisation_required",
        True,
        "chưa có nguyên văn",
        _MEMORY,
        _PRODUCT,
        "Phải có văn bản cho phép của cấp ủy cấp trên, còn hiệu lực.",
    ),
    _rule(
        "online.barred_by_law",
        ("state_secret",),
        "Luật Bảo vệ bí mật nhà nước (117/2025/QH15, trước đó 29/2018/QH14)",
        _SEEN,
        _PRODUCT,
        "Bí mật nhà nước không đưa ra họp trực tuyến.",
    ),
    _rule(
        "online.barred_contents",
        ("congress", "discipline", "election", "personnel"),
        "mặc định thận trọng; chưa thấy danh mục",
        _DEFAULT,
        _PRODUCT,
        "Nội dung không đưa ra họp trực tuyến.",
        adjustable=True,
    ),
    _rule(
        "online.secret_ballot_allowed",
        False,
        "mặc định thận trọng",
        _DEFAULT,
        _PRODUCT,
        "Chưa có quy định công nhận bỏ phiếu kín điện tử.",
    ),
    _rule(
        "online.remote_vote_equal",
        True,
        "chưa có quy định riêng cho họp kết hợp",
        _INFERENCE,
        _PRODUCT,
        "Phiếu từ xa và phiếu tại phòng họp có giá trị như nhau.",
    ),
)

_ELECTORATE = (
    _rule(
        "cell.min_official_members",
        3,
        "Điều lệ Đảng điều 24.1",
        _SEEN,
        _STATUTES,
        "Chi bộ có ít nhất 3 đảng viên chính thức.",
    ),
    _rule(
        "attendance.barred",
        ("suspended", "prosecuted"),
        "24-QĐ/TW khoản 9.3.2 trừ khỏi tổng số; chưa thấy văn bản nói việc triệu tập",
        _INFERENCE,
        _24QD,
        "Đồng chí bị đình chỉ sinh hoạt, bị khởi tố, truy tố hoặc tạm giam: không gửi giấy triệu "
        "tập, không điểm danh.",
    ),
    _rule(
        "base.exempt_present_counted",
        True,
        "24-QĐ/TW khoản 9.3.2; tài liệu ôn thi về 208-QĐ/TW nói khác",
        _REPORTED,
        _24QD,
        "Đảng viên được miễn sinh hoạt mà dự họp và biểu quyết thì được tính.",
        adjustable=True,
    ),
    _rule(
        "base.clause_e_ordinary",
        False,
        "24-QĐ/TW khoản 9.3.2 (đ) nói “suốt thời gian đại hội”",
        _INFERENCE,
        _24QD,
        "Buổi sinh hoạt thường: đảng viên chính thức vắng có lý do vẫn tính trong tổng số.",
        adjustable=True,
    ),
    _rule(
        "quorum.attendance_floor",
        None,
        "không thấy quy định cho sinh hoạt thường kỳ",
        _DEFAULT,
        _PRODUCT,
        "Tỷ lệ dự họp tối thiểu do cấp ủy đặt thêm, ví dụ 2/3; để trống là không đặt.",
        adjustable=True,
    ),
)

_DECISIONS = (
    *_decision(
        "ordinary",
        (_HALF, "Điều lệ Đảng điều 9.5", _SEEN, _24QD),
        _B,
        _OPEN,
        (),
        "Quyết định thông thường: trên một nửa tổng số đảng viên chính thức tán thành.",
    ),
    *_decision(
        "resolution",
        (_HALF, "Điều lệ Đảng điều 9.5", _SEEN, _24QD),
        _B,
        _OPEN,
        (),
        "Nghị quyết: trên một nửa tổng số đảng viên chính thức tán thành.",
    ),
    *_decision(
        "admit_member",
        (_TWO_THIRDS, "06-HD/TW khoản 3.6.b; Điều lệ Đảng điều 4", _REPORTED, _24QD),
        _B,
        _OPEN,
        (),
        "Đề nghị kết nạp: ít nhất hai phần ba số đảng viên chính thức đồng ý.",
    ),
    *_decision(
        "recognise_official",
        (_TWO_THIRDS, "Điều lệ Đảng điều 4, 5", _REPORTED, _24QD),
        _B,
        _OPEN,
        (),
        "Đề nghị công nhận đảng viên chính thức: ít nhất hai phần ba đồng ý.",
    ),
    *_decision(
        "strike_probationary",
        (_TWO_THIRDS, "01-HD/TW (19/5/2026)", _REPORTED, _01HD),
        _B,
        ("secret", "chưa thấy hình thức; mặc định thận trọng", _DEFAULT),
        ("personnel",),
        "Đề nghị xóa tên đảng viên dự bị: ít nhất hai phần ba đồng ý.",
    ),
    *_decision(
        "recognise_progress",
        (_TWO_THIRDS, "02-HD/BTCTW (2021)", _REPORTED, _24QD),
        ("official_not_exempt", "02-HD/BTCTW (2021)", _REPORTED),
        _SECRET,
        ("personnel",),
        "Công nhận tiến bộ của đảng viên bị sàng lọc: không tính đảng viên được miễn.",
    ),
    *_decision(
        "classify_member",
        (_HALF, "294-QĐ/TW khoản 9.3.2", _REPORTED, _24QD),
        _B,
        _SECRET,
        (),
        "Xếp loại đảng viên hằng năm, bằng phiếu.",
    ),
    *_decision(
        "discipline",
        (_HALF, "69-QĐ/TW điều 15", _SEEN, _69QD),
        _B,
        _SECRET,
        ("discipline",),
        "Khiển trách, cảnh cáo, cách chức: trên một nửa số đảng viên chính thức.",
    ),
    *_decision(
        "expulsion",
        (_TWO_THIRDS, "69-QĐ/TW điều 15", _SEEN, _69QD),
        _B,
        _SECRET,
        ("discipline",),
        "Đề nghị khai trừ: ít nhất hai phần ba số đảng viên chính thức.",
    ),
    *_decision(
        "elect_presidium",
        (_HALF, "190-QĐ/TW điều 3", _REPORTED, _190QD),
        ("present", "chưa có nguyên văn", _MEMORY),
        ("open", "190-QĐ/TW điều 3", _REPORTED),
        (),
        "Bầu chủ tọa, thư ký, ban kiểm phiếu: biểu quyết công khai.",
    ),
    *_decision(
        "elect_committee",
        (_HALF, "190-QĐ/TW điều 30", _SEEN, _190QD),
        ("election", "190-QĐ/TW điều 30", _SEEN),
        ("secret", "190-QĐ/TW điều 3", _SEEN),
        ("election",),
        "Bầu chi ủy, bí thư, phó bí thư, đại biểu: bỏ phiếu kín.",
    ),
)

_SESSION = (
    _rule(
        "materials.lead_days",
        1,
        "42-HD/BTCTW",
        _SEEN,
        _42HD,
        "Tài liệu gửi trước ít nhất 01 ngày.",
    ),
    _rule(
        "report.deadline_days",
        2,
        "42-HD/BTCTW",
        _REPORTED,
        _42HD,
        "Hoàn thành, ban hành và đăng tải trong 02 ngày sau buổi sinh hoạt.",
    ),
    _rule(
        "report.immediately",
        True,
        "tài liệu chuyên đề, mục 4.1",
        _SEEN,
        _PRODUCT,
        "Báo cáo kết quả gửi cấp trên ngay sau buổi sinh hoạt.",
    ),
    _rule(
        "session.regular_day",
        3,
        "Chỉ thị 50-CT/TW",
        _REPORTED,
        date(2025, 7, 23),
        "Sinh hoạt ngày 03 hằng tháng, hoặc trong tuần đầu của tháng.",
    ),
    _rule(
        "session.min_minutes",
        90,
        "42-HD/BTCTW",
        _SEEN,
        _42HD,
        "Buổi sinh hoạt thường kỳ ít nhất 90 phút; chi bộ nhỏ do cấp ủy quy định.",
        adjustable=True,
    ),
    _rule(
        "session.min_minutes_with_theme",
        120,
        "42-HD/BTCTW",
        _SEEN,
        _42HD,
        "Thường kỳ kết hợp chuyên đề ít nhất 120 phút.",
        adjustable=True,
    ),
    _rule(
        "absence.unbroken_limit",
        3,
        "mẫu đánh giá của cấp ủy cơ sở",
        _REPORTED,
        _42HD,
        "Vắng có lý do quá 3 lần liên tiếp thì được theo dõi.",
    ),
    _rule(
        "factor.fresh_minutes",
        60,
        "thiết kế của hệ thống",
        _DEFAULT,
        _PRODUCT,
        "Điểm danh cần xác thực lớp hai trên thiết bị này trong 60 phút gần nhất.",
        adjustable=True,
    ),
    _rule(
        "chair.takeover_seconds",
        60,
        "thiết kế của hệ thống",
        _DEFAULT,
        _PRODUCT,
        "Chủ trì mất kết nối 60 giây thì phó bí thư được thay.",
        adjustable=True,
    ),
    _rule(
        "recording.confirm_seconds",
        5,
        "thiết kế của hệ thống",
        _DEFAULT,
        _PRODUCT,
        "Chỉ mở họp và mở biểu quyết khi máy ghi đã ghi được trong 5 giây gần nhất.",
    ),
    _rule(
        "recording.required",
        True,
        "tài liệu chuyên đề, mục 4.1",
        _SEEN,
        _PRODUCT,
        "Ghi âm, ghi hình toàn bộ quá trình.",
    ),
)

ENTRIES: tuple[Rule, ...] = (*_ONLINE, *_ELECTORATE, *_DECISIONS, *_SESSION)
