"""What the simulated company is made of: projects, service items, departments, words."""

from __future__ import annotations

from typing import NamedTuple

REGIONS = {"east": "东区", "south": "南区", "west": "西区"}


class ProjectKind(NamedTuple):
    """A project as the catalogue describes it; grade and type are the company's own records."""

    name_zh: str
    name_en: str
    grade: str
    kind: str
    households: int
    area_m2: int


PROJECTS = (
    ProjectKind("翠湖天地", "Cuihu Lakeside", "A", "residential", 1260, 168_000),
    ProjectKind("锦绣江南", "Jinxiu Jiangnan", "B", "residential", 1980, 214_500),
    ProjectKind("阳光花园", "Sunshine Garden", "C", "residential", 2240, 196_300),
    ProjectKind("金桂苑", "Golden Osmanthus Court", "B", "residential", 1420, 142_700),
    ProjectKind("碧水湾", "Bishui Bay", "A", "residential", 980, 151_200),
    ProjectKind("紫荆雅苑", "Bauhinia Court", "C", "residential", 1760, 158_900),
    ProjectKind("望江府", "Riverview Mansion", "A", "residential", 760, 132_400),
    ProjectKind("云栖里", "Yunqi Terrace", "B", "residential", 1120, 127_800),
    ProjectKind("枫林绿洲", "Maple Oasis", "B", "residential", 2060, 223_100),
    ProjectKind("书香名邸", "Scholars' Residence", "C", "residential", 1340, 118_600),
    ProjectKind("中环广场", "Central Ring Plaza", "A", "commercial", 420, 96_500),
    ProjectKind("科创大厦", "Innovation Tower", "B", "office", 310, 88_200),
)
MORE_FIRST = (
    ("丽景", "Lijing"),
    ("和悦", "Heyue"),
    ("龙湖", "Longhu"),
    ("盛世", "Shengshi"),
    ("滨河", "Binhe"),
    ("春晓", "Chunxiao"),
    ("东方", "Dongfang"),
    ("福泽", "Fuze"),
    ("天元", "Tianyuan"),
    ("学府", "Xuefu"),
)
MORE_LAST = (
    ("花园", "Garden"),
    ("名苑", "Court"),
    ("新城", "New Town"),
    ("华庭", "Grand Court"),
    ("家园", "Homes"),
    ("公馆", "Mansion"),
    ("嘉园", "Jiayuan"),
    ("御府", "Residence"),
)

DEPARTMENTS = {
    "KF": ("客户服务中心", "Customer service centre"),
    "GC": ("工程部", "Engineering"),
    "BJ": ("环境保洁部", "Cleaning"),
    "ZX": ("秩序维护部", "Security"),
    "LH": ("绿化部", "Greening"),
}


class Item(NamedTuple):
    """A service item: who does it, how fast it is promised, how often it is asked for, what it is about."""

    code: str
    name_zh: str
    name_en: str
    group: str
    department: str
    due_hours: float
    response_minutes: float
    share: float
    season: str
    asset: str = ""


GROUPS = {
    "repair": ("维修", "Repair", "procedures"),
    "equipment": ("设施设备", "Equipment", "resources"),
    "cleaning": ("保洁", "Cleaning", "quality"),
    "security": ("秩序维护", "Security", "procedures"),
    "greening": ("绿化", "Greening", "procedures"),
    "complaint": ("投诉", "Complaint", "service_centre"),
    "enquiry": ("咨询与求助", "Enquiry and help", "service_centre"),
    "fit_out": ("装修管理", "Fit-out", "procedures"),
}
ITEMS = (
    Item("0101", "水管漏水", "Leaking pipe", "repair", "GC", 4, 20, 9, "cold"),
    Item("0102", "马桶堵塞", "Blocked toilet", "repair", "GC", 6, 25, 6, ""),
    Item("0103", "室内电路故障", "Electrical fault indoors", "repair", "GC", 6, 20, 6, "heat"),
    Item("0104", "门窗维修", "Door or window repair", "repair", "GC", 48, 40, 6, ""),
    Item("0105", "外墙渗水", "Seepage through outer wall", "repair", "GC", 120, 60, 4, "rain"),
    Item("0106", "公共照明不亮", "Public light out", "repair", "GC", 24, 40, 7, "", "lighting"),
    Item("0201", "电梯困人", "People trapped in lift", "equipment", "GC", 1, 5, 0.6, "heat", "lift"),
    Item("0202", "电梯故障", "Lift out of order", "equipment", "GC", 8, 15, 5, "heat", "lift"),
    Item("0203", "门禁故障", "Access control fault", "equipment", "GC", 24, 30, 5, "", "access_control"),
    Item("0204", "停水停电", "Water or power failure", "equipment", "GC", 4, 10, 2, "heat", "switchgear"),
    Item("0301", "楼道保洁", "Stairwell cleaning", "cleaning", "BJ", 8, 40, 6, ""),
    Item("0302", "垃圾清运", "Refuse removal", "cleaning", "BJ", 8, 40, 5, "heat"),
    Item("0303", "虫害消杀", "Pest control", "cleaning", "BJ", 48, 60, 3, "heat"),
    Item("0401", "车辆乱停", "Improper parking", "security", "ZX", 2, 15, 7, ""),
    Item("0402", "噪声扰民", "Noise", "security", "ZX", 2, 15, 4, ""),
    Item("0403", "可疑人员", "Suspicious person", "security", "ZX", 1, 8, 1, ""),
    Item("0501", "树木修剪", "Tree pruning", "greening", "LH", 96, 90, 2, "rain"),
    Item("0502", "草坪养护", "Lawn care", "greening", "LH", 96, 90, 1, ""),
    Item("0601", "服务态度投诉", "Complaint about conduct", "complaint", "KF", 24, 30, 2, ""),
    Item("0602", "维修质量投诉", "Complaint about repair quality", "complaint", "KF", 48, 30, 2.4, ""),
    Item("0603", "收费投诉", "Complaint about charges", "complaint", "KF", 72, 30, 1.6, ""),
    Item("0701", "费用咨询", "Question about charges", "enquiry", "KF", 4, 15, 5, ""),
    Item("0702", "代收求助", "Help with a parcel or guest", "enquiry", "KF", 4, 20, 3, ""),
    Item("0801", "装修申请", "Fit-out application", "fit_out", "KF", 72, 60, 2, ""),
    Item("0802", "违规装修", "Fit-out violation", "fit_out", "ZX", 24, 30, 1.4, ""),
)

CHANNELS = {
    "电话": ("phone", 40),
    "业主APP": ("app", 27),
    "微信小程序": ("mini_program", 14),
    "前台": ("front_desk", 10),
    "员工上报": ("staff", 8),
    "设备告警": ("system", 1),
}
PRIORITIES = {1: "紧急", 8: "急", 1_000_000: "一般"}  # by promised hours, at most
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = (
    "建国",
    "丽娟",
    "志强",
    "晓燕",
    "海涛",
    "敏",
    "文博",
    "雪梅",
    "俊杰",
    "秀英",
    "立新",
    "倩",
    "永刚",
    "雅琴",
    "凯",
)
CLOSING = (
    "已处理完毕,业主确认",
    "现场修复,试用正常",
    "更换配件后恢复",
    "已沟通解释,业主认可",
    "清理完成并拍照留存",
)

PROJECT_COLUMNS = (
    "项目编号",
    "项目名称",
    "英文名称",
    "区域",
    "城市",
    "服务等级",
    "业态",
    "管理面积",
    "户数",
    "项目经理工号",
    "项目经理",
    "参与考核",
)
ITEM_COLUMNS = ("事项编号", "事项名称", "英文名称", "类别编号", "类别名称", "类别英文", "改革部分")
KINDS = {"residential": "住宅", "commercial": "商业", "office": "写字楼"}
