module rowhouse.invalid/syft

go 1.26.8
