-- A process of CMDBuild with the columns that the template reads; made up for tests.
create table "LookUp" ("Id" bigint primary key, "Type" varchar, "Code" varchar, "Description" varchar);
create table "CorrectiveMaint" ("Id" bigint, "CurrentId" bigint, "IdClass" varchar, "Code" varchar, "Description" varchar, "Status" char(1), "User" varchar, "BeginDate" timestamptz, "EndDate" timestamptz, "FlowStatus" bigint, "Building" bigint, "Category" bigint, "Team" bigint, "Requester" bigint, "Priority" bigint, "DueDate" timestamptz);
create table "CorrectiveMaint_history" () inherits ("CorrectiveMaint");
insert into "LookUp" values (1, 'FlowStatus', 'open.running', ''), (2, 'FlowStatus', 'open.not_running.suspended', ''), (3, 'FlowStatus', 'closed.completed', ''), (4, 'FlowStatus', 'closed.terminated', ''), (5, 'FlowStatus', 'closed.aborted', ''), (11, 'Priority', 'normal', ''), (12, 'Priority', 'urgent', '');
insert into "CorrectiveMaint_history" values (1901, 1001, '"CorrectiveMaint"', 'CM1', 'Lift stands still', 'U', 'desk', '2026-03-02 09:00+08', '2026-03-02 09:10+08', 1, 51, 61, 71, 81, 11, '2026-03-03 09:00+08');
insert into "CorrectiveMaint" values (1001, 1001, '"CorrectiveMaint"', 'CM1', 'Lift stands still', 'A', 'first', '2026-03-02 09:10+08', null, 1, 51, 61, 71, 81, 12, '2026-03-03 09:00+08');
insert into "CorrectiveMaint" values (1002, 1002, '"CorrectiveMaint"', 'CM2', 'Lobby floor is wet', 'A', 'desk', '2026-03-02 10:00+08', null, 2, 52, 62, null, 82, 11, null);
insert into "CorrectiveMaint_history" values (1903, 1003, '"CorrectiveMaint"', 'CM3', 'A mistake', 'U', 'desk', '2026-03-02 11:00+08', '2026-03-02 12:00+08', 1, 51, 61, 71, 81, 11, null);
insert into "CorrectiveMaint" values (1003, 1003, '"CorrectiveMaint"', 'CM3', 'A mistake', 'A', 'first', '2026-03-02 12:00+08', null, 5, 51, 61, 71, 81, 11, null);
insert into "CorrectiveMaint" values (1004, 1004, '"CorrectiveMaint"', 'CM4', 'Deleted', 'N', 'first', '2026-03-02 12:00+08', null, 1, 51, 61, 71, 81, 11, null);
