import pytest
from tests.engine.test_forgetting import GONE, KEPT, HORIZON
from tests.facts import *
from tests.engine.cluster import Cluster
from monitor.records import Entry, Frame, Record, frame_encoder

@pytest.mark.parametrize("batch", [1, 2, 3, 5, None])
def test_leave(batch):
    log=[]
    t = run([tick(at(-1)), admission(), stay_fact("leave","leave_begntime",leave_begntime=at(1)), tick(at(1)), tick(at(GONE+60)), settlement("Z", setl_time=at(GONE+60), fixmedins_code="H2")], batch=batch, on_change=log.append)
    print(KEPT, HORIZON, [(c.action, c.alert.rule_id) for c in log])
    assert [c.alert.rule_id for c in log]==["leave-too-long"]

@pytest.mark.parametrize("parts", [[4],[2,2],[1,1,1,1],[3,1]])
def test_key(parts):
    c = Cluster(1)
    c.records([quota(period="2027-03")])
    D = FIRST_DAY
    def t(day): return (D+day)*DAY
    def ms(day): return (t(day)-8*3600)*1000
    def frame(off, clock, *entries): return Record("contributions",0,off,None,None,frame_encoder.encode(Frame(0,clock,list(entries))))
    def e(day, name, amount, when): return Entry("institution","H1",day+D,name,amount,"settlement:S",ms(when))
    # 2027-03-20 = day 383
    c.apply_frames([frame(0, t(370), e(0,"night",1,0), e(383,"inpatient-fund",99999999,370))])
    assert c.standing == {}
    fr=[frame(1, t(384)), frame(2, t(384), e(383,"night",1,384)), frame(3, t(450), e(440,"night",1,450)), frame(4, t(450), e(440,"night",1,450))]
    i=0
    for p in parts:
        c.apply_frames(fr[i:i+p]); i+=p
    assert len([v for v in c.standing.values() if b"quota-progress" in v])==1
