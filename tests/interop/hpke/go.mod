module bakehouse.example/interop/hpke

go 1.26
